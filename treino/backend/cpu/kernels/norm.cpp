// SPDX-License-Identifier: Apache-2.0
// Batch norm over [rows, channels]. Sums run in float over short stretches of rows and are gathered
// in double; x is shifted by a pivot near its mean, so that the variance does not cancel.
#include "treino/backend/cpu/kernels/parts.h"

namespace treino::cpu::TREINO_ISA {

namespace {

constexpr Index kStretch = 64;  // rows summed in float

// sums[0][c] = sum of first(r, c), sums[1][c] = sum of second(r, c), over a few vectors of
// channels, the last of `tail` where it is not whole.
template <bool Gradient, int Vectors, bool Whole>
void sums_of_columns(const NormColumns& columns, Index channel, Index tail) {
  const NormColumns p = columns;  // stores cannot change it
  F pivot[Vectors];
  double* totals = p.sums + channel;
  const auto count_of = [&](int v) { return !Whole && v == Vectors - 1 ? tail : Index{kLanes}; };
  for (int v = 0; v < Vectors; ++v) {
    pivot[v] = fetch(p.pivot + channel + v * kLanes, count_of(v));
    for (Index i = 0; i < count_of(v); ++i)
      totals[v * kLanes + i] = totals[p.channels + v * kLanes + i] = 0;
  }
  for (Index row = 0; row < p.rows; row += kStretch) {
    F first[Vectors], second[Vectors];
    for (int v = 0; v < Vectors; ++v) first[v] = second[v] = F{};
    const Index end = least(p.rows, row + kStretch);
    for (Index r = row; r < end; ++r) {
      const Index at = r * p.channels + channel;
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) {
        const F x = fetch(p.x + at + v * kLanes, count_of(v)) - pivot[v];
        const F dy = Gradient ? fetch(p.dy + at + v * kLanes, count_of(v)) : x;
        first[v] += dy;
        second[v] = fma(dy, x, second[v]);
      }
    }
    for (int v = 0; v < Vectors; ++v) {
      gather(totals + v * kLanes, first[v], count_of(v));
      gather(totals + p.channels + v * kLanes, second[v], count_of(v));
    }
  }
}

// Calls body with the number of vectors, their first channel, and the channels of the last one.
template <typename Body>
TREINO_INLINE void each_columns(Index channels, Body body) {
  Index c = 0;
  while (c < channels) {
    const Index left = channels - c;
    const auto with = [&]<int Vectors>() {
      const Index tail = least(kLanes, left - (Vectors - 1) * kLanes);
      if (tail == kLanes)
        body.template operator()<Vectors, true>(c, tail);
      else
        body.template operator()<Vectors, false>(c, tail);
      c += Vectors * kLanes;
    };
    if (left > 3 * kLanes)
      with.template operator()<4>();
    else if (left > kLanes)
      with.template operator()<2>();
    else
      with.template operator()<1>();
  }
}

template <bool Gradient>
void sums(const NormColumns& p) {
  each_columns(p.channels, [&]<int Vectors, bool Whole>(Index channel, Index tail) {
    sums_of_columns<Gradient, Vectors, Whole>(p, channel, tail);
  });
}

// out = dy scale + x slope + shift (Gradient), x scale + shift (forward).
template <bool Gradient>
TREINO_INLINE F affine(const NormColumns& p, Index at, Index count, F scale, F slope, F shift) {
  const F x = fetch(p.x + at, count);
  if constexpr (Gradient)
    return fma(fetch(p.dy + at, count), scale, fma(x, slope, shift));
  else
    return fma(x, scale, shift);
}

template <bool Gradient, int Vectors, bool Whole>
void apply_to_columns(const NormColumns& columns, Index channel, Index tail) {
  const NormColumns p = columns;  // stores cannot change it
  const auto count_of = [&](int v) { return !Whole && v == Vectors - 1 ? tail : Index{kLanes}; };
  F scale[Vectors], slope[Vectors], shift[Vectors];
  for (int v = 0; v < Vectors; ++v) {
    const Index at = channel + v * kLanes;
    scale[v] = fetch(p.scale + at, count_of(v));
    shift[v] = fetch(p.shift + at, count_of(v));
    slope[v] = Gradient ? fetch(p.slope + at, count_of(v)) : F{};
  }
  for (Index r = 0; r < p.rows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      const Index at = r * p.channels + channel + v * kLanes;
      put(p.out + at, affine<Gradient>(p, at, count_of(v), scale[v], slope[v], shift[v]),
          count_of(v));
    }
  }
}

template <bool Gradient>
void apply(const NormColumns& p) {
  each_columns(p.channels, [&]<int Vectors, bool Whole>(Index channel, Index tail) {
    apply_to_columns<Gradient, Vectors, Whole>(p, channel, tail);
  });
}

}  // namespace

void add_norm(Kernels& kernels) {
  kernels.norm_sums = sums<false>;
  kernels.norm_grad_sums = sums<true>;
  kernels.norm_apply = apply<false>;
  kernels.norm_grad_apply = apply<true>;
}

}  // namespace treino::cpu::TREINO_ISA
