// SPDX-License-Identifier: Apache-2.0
// Products whose first operand is mostly zeros, as dark pixels are. Adding a product with zero to a
// sum that starts at +0 changes no bit of it as long as the other operand is finite, and the terms
// that are left are added in the order of the dense kernel: the result is the dense one's.
#include "treino/backend/cpu/kernels/parts.h"

namespace treino::cpu::TREINO_ISA {

namespace {

constexpr int kGroup = 8;  // vectors of a row of C held in registers

TREINO_INLINE std::uint32_t nonzero_lanes(F x) {
#if defined(__AVX512F__)
  return _mm512_cmp_ps_mask((__m512)x, _mm512_setzero_ps(), _CMP_NEQ_UQ);
#elif defined(__AVX2__)
  return static_cast<std::uint32_t>(
      _mm256_movemask_ps(_mm256_cmp_ps((__m256)x, _mm256_setzero_ps(), _CMP_NEQ_UQ)));
#else
  std::uint32_t mask = 0;
  for (int i = 0; i < kLanes; ++i) mask |= static_cast<std::uint32_t>(x[i] != 0) << i;
  return mask;
#endif
}

TREINO_INLINE F fetch(const float* from, Index count) {
  return count == kLanes ? load(from) : load_part(from, count);
}

Index count_nonzero(const float* x, Index count) {
  Index found = 0;
  for (Index i = 0; i < count; i += kLanes)
    found += __builtin_popcount(nonzero_lanes(fetch(x + i, least(kLanes, count - i))));
  return found;
}

// x - x is 0 for every finite x, else NaN.
bool all_finite(const float* x, Index stride, Index rows, Index columns) {
  F sum{};
  for (Index r = 0; r < rows; ++r) {
    for (Index c = 0; c < columns; c += kLanes) {
      const F value = fetch(x + r * stride + c, least(kLanes, columns - c));
      sum += value - value;
    }
  }
  return nonzero_lanes(sum) == 0;
}

// Some vectors of one row of C.
template <int Vectors>
struct Row {
  F sums[Vectors];
  Index tail;  // columns of the last vector

  inline __attribute__((always_inline)) void clear() {
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) sums[v] = F{};
  }
  inline __attribute__((always_inline)) void add(float a, const float* b) {
    const F factor = splat(a);
#pragma GCC unroll 8
    for (int v = 0; v < Vectors - 1; ++v) sums[v] = fma(factor, load(b + v * kLanes), sums[v]);
    const float* last = b + (Vectors - 1) * kLanes;
    sums[Vectors - 1] = fma(factor, fetch(last, tail), sums[Vectors - 1]);
  }
  inline __attribute__((always_inline)) void finish(const Product& p, float* c, Index column) {
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) {
      const Index count = v == Vectors - 1 ? tail : Index{kLanes};
      F value = sums[v];
      if (p.bias != nullptr) value += fetch(p.bias + column + v * kLanes, count);
      if (p.accumulate) value += fetch(c + v * kLanes, count);
      if (p.relu) value = larger(F{}, value);
      if (count == kLanes)
        store(c + v * kLanes, value);
      else
        store_part(c + v * kLanes, value, count);
    }
  }
};

template <int Vectors>
void along_rows(const Product& p, Index column, Index tail) {
  for (Index r = 0; r < p.row_count; ++r) {
    const float* a = p.rows[r];
    Row<Vectors> row;
    row.tail = tail;
    row.clear();
    for (Index k = 0; k < p.length; k += kLanes) {
      std::uint32_t left = nonzero_lanes(fetch(a + k, least(kLanes, p.length - k)));
      for (; left != 0; left &= left - 1) {
        const Index at = k + __builtin_ctz(left);
        row.add(a[at], p.b + at * p.b_stride + column);
      }
    }
    row.finish(p, p.c + r * p.c_stride + column, column);
  }
}

// A is stored transposed: rows of C are neighbours in memory, kLanes of them are looked at
// together.
template <int Vectors>
void across_rows(const Product& p, Index column, Index tail) {
  for (Index r = 0; r < p.row_count; r += kLanes) {
    const Index count = least(kLanes, p.row_count - r);
    const float* a = p.rows[r];
    std::uint64_t terms[kLanes][kMostSkippedLength / 64] = {};
    const Index words = (p.length + 63) / 64;
    for (Index k = 0; k < p.length; ++k) {
      std::uint32_t left = nonzero_lanes(fetch(a + k * p.a_step, count));
      for (; left != 0; left &= left - 1)
        terms[__builtin_ctz(left)][k / 64] |= std::uint64_t{1} << (k % 64);
    }
    for (Index i = 0; i < count; ++i) {
      Row<Vectors> row;
      row.tail = tail;
      row.clear();
      for (Index word = 0; word < words; ++word) {
        for (std::uint64_t left = terms[i][word]; left != 0; left &= left - 1) {
          const Index k = word * 64 + __builtin_ctzll(left);
          row.add(a[k * p.a_step + i], p.b + k * p.b_stride + column);
        }
      }
      row.finish(p, p.c + (r + i) * p.c_stride + column, column);
    }
  }
}

template <int Vectors>
void group(const Product& p, Index column, Index tail) {
  if (p.a_step == 1)
    along_rows<Vectors>(p, column, tail);
  else
    across_rows<Vectors>(p, column, tail);
}

void product_skipping(const Product& p) {
  using Group = void (*)(const Product&, Index, Index);
  constexpr Group groups[] = {nullptr,  group<1>, group<2>, group<3>, group<4>,
                              group<5>, group<6>, group<7>, group<8>};
  for (Index column = 0; column < p.columns; column += kGroup * kLanes) {
    const Index wide = least(kGroup * kLanes, p.columns - column);
    const Index vectors = (wide + kLanes - 1) / kLanes;
    groups[vectors](p, column, wide - (vectors - 1) * kLanes);
  }
}

}  // namespace

void add_product_skipping(Kernels& kernels) {
  kernels.product_skipping = product_skipping;
  kernels.count_nonzero = count_nonzero;
  kernels.all_finite = all_finite;
}

}  // namespace treino::cpu::TREINO_ISA
