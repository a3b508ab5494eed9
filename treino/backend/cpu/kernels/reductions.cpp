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

// out[i] = parts[0][i] + parts[1][i] + ..., in that order.
void add_rows(float* out, const float* parts, Index part_stride, Index parts_count, Index count) {
  for (Index i = 0; i < count; i += kLanes) {
    const Index lanes = least(kLanes, count - i);
    F total = fetch(parts + i, lanes);
    for (Index part = 1; part < parts_count; ++part)
      total += fetch(parts + part * part_stride + i, lanes);
    if (lanes == kLanes)
      store(out + i, total);
    else
      store_part(out + i, total, lanes);
  }
}

void finish_product(float* out, const float* parts, Index part_stride, Index parts_count,
                    Index rows, Index columns, const float* bias, bool relu) {
  for (Index r = 0; r < rows; ++r) {
    for (Index c = 0; c < columns; c += kLanes) {
      const Index lanes = least(kLanes, columns - c);
      const float* from = parts + r * columns + c;
      F total = fetch(from, lanes);
      for (Index part = 1; part < parts_count; ++part)
        total += fetch(from + part * part_stride, lanes);
      if (bias != nullptr) total += fetch(bias + c, lanes);
      if (relu) total = larger(F{}, total);
      if (lanes == kLanes)
        store(out + r * columns + c, total);
      else
        store_part(out + r * columns + c, total, lanes);
    }
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
