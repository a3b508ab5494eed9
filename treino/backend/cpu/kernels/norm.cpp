// SPDX-License-Identifier: Apache-2.0
// Batch norm over [rows, channels]. Sums run in float over short stretches of rows and are gathered
// in double; x is shifted by a pivot near its mean, so that the variance does not cancel.
#include "treino/backend/cpu/kernels/parts.h"

namespace treino::cpu::TREINO_ISA {

namespace {

constexpr Index kStretch = 64;  // rows summed in float

TREINO_INLINE F fetch(const float* from, Index count) {
  return count == kLanes ? load(from) : load_part(from, count);
}
TREINO_INLINE void put(float* to, F value, Index count) {
  if (count == kLanes)
    store(to, value);
  else
    store_part(to, value, count);
}

// sums[0][c] = sum of first(r, c), sums[1][c] = sum of second(r, c), over a few vectors of
// channels.
template <bool Gradient, int Vectors>
void sums_of_columns(const NormColumns& p, Index channel, Index tail) {
  F pivot[Vectors];
  double* totals = p.sums + channel;
  const auto count_of = [&](int v) { return v == Vectors - 1 ? tail : Index{kLanes}; };
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
      for (Index i = 0; i < count_of(v); ++i) {
        totals[v * kLanes + i] += static_cast<double>(first[v][i]);
        totals[p.channels + v * kLanes + i] += static_cast<double>(second[v][i]);
      }
    }
  }
}

template <bool Gradient>
void sums(const NormColumns& p) {
  for (Index c = 0; c < p.channels;) {
    const Index left = p.channels - c;
    if (left > 3 * kLanes)
      sums_of_columns<Gradient, 4>(p, c, least(kLanes, left - 3 * kLanes)), c += 4 * kLanes;
    else if (left > kLanes)
      sums_of_columns<Gradient, 2>(p, c, least(kLanes, left - kLanes)), c += 2 * kLanes;
    else
      sums_of_columns<Gradient, 1>(p, c, left), c += kLanes;
  }
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

template <bool Gradient>
void apply(const NormColumns& p) {
  constexpr Index kGroup = 4;  // vectors of channels whose coefficients stay in registers
  for (Index c = 0; c < p.channels; c += kGroup * kLanes) {
    F scale[kGroup], slope[kGroup], shift[kGroup];
    Index counts[kGroup];
    int vectors = 0;
    for (; vectors < kGroup && c + vectors * kLanes < p.channels; ++vectors) {
      const Index at = c + vectors * kLanes, count = least(kLanes, p.channels - at);
      counts[vectors] = count;
      scale[vectors] = fetch(p.scale + at, count);
      shift[vectors] = fetch(p.shift + at, count);
      slope[vectors] = Gradient ? fetch(p.slope + at, count) : F{};
    }
    for (Index r = 0; r < p.rows; ++r) {
      for (int v = 0; v < vectors; ++v) {
        const Index at = r * p.channels + c + v * kLanes;
        put(p.out + at, affine<Gradient>(p, at, counts[v], scale[v], slope[v], shift[v]),
            counts[v]);
      }
    }
  }
}

}  // namespace

void add_norm(Kernels& kernels) {
  kernels.norm_sums = sums<false>;
  kernels.norm_grad_sums = sums<true>;
  kernels.norm_apply = apply<false>;
  kernels.norm_grad_apply = apply<true>;
}

}  // namespace treino::cpu::TREINO_ISA
