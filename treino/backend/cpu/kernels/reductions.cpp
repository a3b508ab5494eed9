// SPDX-License-Identifier: Apache-2.0
// Sums and maxima. Floats are added in float over short stretches, the stretches in double.
#include "treino/backend/cpu/kernels/parts.h"

namespace treino::cpu::TREINO_ISA {

namespace {

constexpr Index kStretch = 64;

template <int Vectors>
void sum_columns(double* out, const float* x, Index stride, Index rows, Index tail) {
  const auto count_of = [&](int v) { return v == Vectors - 1 ? tail : Index{kLanes}; };
  for (int v = 0; v < Vectors; ++v) {
    for (Index i = 0; i < count_of(v); ++i) out[v * kLanes + i] = 0;
  }
  for (Index row = 0; row < rows; row += kStretch) {
    F sums[Vectors];
    for (int v = 0; v < Vectors; ++v) sums[v] = F{};
    const Index end = least(rows, row + kStretch);
    for (Index r = row; r < end; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) sums[v] += fetch(x + r * stride + v * kLanes, count_of(v));
    }
    for (int v = 0; v < Vectors; ++v) gather(out + v * kLanes, sums[v], count_of(v));
  }
}

void column_sums(double* out, const float* x, Index stride, Index rows, Index columns) {
  for (Index c = 0; c < columns;) {
    const Index left = columns - c;
    if (left > 3 * kLanes) {
      sum_columns<4>(out + c, x + c, stride, rows, least(kLanes, left - 3 * kLanes));
      c += 4 * kLanes;
    } else if (left > kLanes) {
      sum_columns<2>(out + c, x + c, stride, rows, least(kLanes, left - kLanes));
      c += 2 * kLanes;
    } else {
      sum_columns<1>(out + c, x + c, stride, rows, left);
      c += kLanes;
    }
  }
}

double sum(const float* x, Index count) {
  double total = 0;
  Index i = 0;
  while (i + 4 * kLanes <= count) {
    F a{}, b{}, c{}, d{};
    for (Index k = 0; k < 16 && i + 4 * kLanes <= count; ++k, i += 4 * kLanes) {
      a += load(x + i);
      b += load(x + i + kLanes);
      c += load(x + i + 2 * kLanes);
      d += load(x + i + 3 * kLanes);
    }
    total += static_cast<double>(sum_of((a + b) + (c + d)));
  }
  for (; i < count; ++i) total += static_cast<double>(x[i]);
  return total;
}

void column_max(float* out, const float* x, Index stride, Index rows, Index columns) {
  for (Index c = 0; c < columns; c += kLanes) {
    const Index count = least(kLanes, columns - c);
    F best = splat(-__builtin_inff());
    for (Index r = 0; r < rows; ++r) best = larger(fetch(x + r * stride + c, count), best);
    if (count == kLanes)
      store(out + c, best);
    else
      store_part(out + c, best, count);
  }
}

float largest(const float* x, Index count) {
  F best = splat(-__builtin_inff());
  Index i = 0;
  for (; i + kLanes <= count; i += kLanes) best = larger(load(x + i), best);
  float result = largest_of(best);
  for (; i < count; ++i) result = x[i] > result ? x[i] : result;
  return result;
}

// Vectors of parts[0] + parts[1] + ..., in that order; of the last one `count` numbers. Several
// side by side: a line of each part is read once, and no sum waits for another.
template <int Vectors>
TREINO_INLINE void add_parts(F (&sums)[Vectors], const float* parts, Index part_stride,
                             Index parts_count, Index count) {
  const auto read = [&](int v) {
    return fetch(parts + v * kLanes, v == Vectors - 1 ? count : Index{kLanes});
  };
  for (int v = 0; v < Vectors; ++v) sums[v] = read(v);
  for (Index part = 1; part < parts_count; ++part) {
    parts += part_stride;
    for (int v = 0; v < Vectors; ++v) sums[v] += read(v);
  }
}

// Calls body(first of so many numbers, how many the last vector holds) with the number of vectors.
template <typename Body>
TREINO_INLINE void each_group(Index count, Body body) {
  constexpr int kGroup = 4;
  Index i = 0;
  for (; i + kGroup * kLanes <= count; i += kGroup * kLanes)
    body.template operator()<kGroup>(i, kLanes);
  for (; i < count; i += kLanes) body.template operator()<1>(i, least(kLanes, count - i));
}

void add_rows(float* out, const float* parts, Index part_stride, Index parts_count, Index count) {
  each_group(count, [&]<int Vectors>(Index i, Index held) {
    F sums[Vectors];
    add_parts(sums, parts + i, part_stride, parts_count, held);
    for (int v = 0; v < Vectors; ++v)
      put(out + i + v * kLanes, sums[v], v == Vectors - 1 ? held : Index{kLanes});
  });
}

void finish_product(float* out, const float* parts, Index part_stride, Index parts_count,
                    Index rows, Index columns, const float* bias, bool relu) {
  for (Index r = 0; r < rows; ++r) {
    each_group(columns, [&]<int Vectors>(Index c, Index held) {
      const Index at = r * columns + c;
      F sums[Vectors];
      add_parts(sums, parts + at, part_stride, parts_count, held);
      for (int v = 0; v < Vectors; ++v) {
        const Index lanes = v == Vectors - 1 ? held : Index{kLanes};
        if (bias != nullptr) sums[v] += fetch(bias + c + v * kLanes, lanes);
        if (relu) sums[v] = larger(F{}, sums[v]);
        put(out + at + v * kLanes, sums[v], lanes);
      }
    });
  }
}

}  // namespace

void add_reductions(Kernels& kernels) {
  kernels.column_sums = column_sums;
  kernels.sum = sum;
  kernels.column_max = column_max;
  kernels.largest = largest;
  kernels.add_rows = add_rows;
  kernels.finish_product = finish_product;
}

}  // namespace treino::cpu::TREINO_ISA
