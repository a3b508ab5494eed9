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

Index count_nonzero(const float* x, Index count) {
  Index found = 0;
  for (Index i = 0; i < count; i += kLanes)
    found += __builtin_popcount(nonzero_lanes(fetch(x + i, least(kLanes, count - i))));
  return found;
}

// 0 x is 0 for every finite x, else NaN. Four sums, as each waits for its last addition.
bool all_finite(const float* x, Index stride, Index rows, Index columns) {
  constexpr Index kSums = 4;
  F sums[kSums]{};
  for (Index r = 0; r < rows; ++r) {
    const float* row = x + r * stride;
    Index c = 0;
    for (; c + kSums * kLanes <= columns; c += kSums * kLanes) {
#pragma GCC unroll 4
      for (Index s = 0; s < kSums; ++s) sums[s] = fma(load(row + c + s * kLanes), F{}, sums[s]);
    }
    for (; c < columns; c += kLanes)
      sums[0] = fma(fetch(row + c, least(kLanes, columns - c)), F{}, sums[0]);
  }
  return nonzero_lanes((sums[0] + sums[1]) + (sums[2] + sums[3])) == 0;
}

// Some vectors of one row of C; the last has `tail` columns, all kLanes where the row is whole.
template <int Vectors, bool Whole>
struct Row {
  F sums[Vectors];
  Index tail;

  inline __attribute__((always_inline)) explicit Row(Index last) : tail(last) {
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) sums[v] = F{};
  }
  static constexpr bool whole(int v) {
    return Whole || v < Vectors - 1;
  }
  inline __attribute__((always_inline)) void add(float a, const float* b) {
    const F factor = splat(a);
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) {
      const float* from = b + v * kLanes;
      sums[v] = fma(factor, whole(v) ? load(from) : load_part(from, tail), sums[v]);
    }
  }
  inline __attribute__((always_inline)) void finish(const Product& p, float* c, Index column) {
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) {
      const Index count = whole(v) ? Index{kLanes} : tail;
      F value = sums[v];
      if (p.bias != nullptr) value += fetch(p.bias + column + v * kLanes, count);
      if (p.accumulate) value += fetch(c + v * kLanes, count);
      if (p.relu) value = larger(F{}, value);
      put(c + v * kLanes, value, count);
    }
  }
};

constexpr Index kWord = 64;  // elements whose zeros are looked at together

// Bit i: element i of up to kWord is not zero.
TREINO_INLINE std::uint64_t nonzero_word(const float* x, Index count) {
  std::uint64_t word = 0;
  for (Index i = 0; i < count; i += kLanes)
    word |= std::uint64_t{nonzero_lanes(fetch(x + i, least(kLanes, count - i)))} << i;
  return word;
}

template <int Vectors, bool Whole>
void along_rows(const Product& p, Index column, Index tail) {
  const float* b = p.b + column;
  const Index b_stride = p.b_stride, length = p.length;
  for (Index r = 0; r < p.row_count; ++r) {
    const float* a = p.rows[r];
    Row<Vectors, Whole> row(tail);
    for (Index k = 0; k < length; k += kWord) {
      std::uint64_t left = nonzero_word(a + k, least(kWord, length - k));
      for (; left != 0; left &= left - 1) {
        const Index at = k + __builtin_ctzll(left);
        row.add(a[at], b + at * b_stride);
      }
    }
    row.finish(p, p.c + r * p.c_stride + column, column);
  }
}

// A is stored transposed: rows of C are neighbours in memory, kLanes of them are looked at
// together, each in a lane of its own: bit k of its words is set where its term k is not zero.
template <int Vectors, bool Whole>
void across_rows(const Product& p, Index column, Index tail) {
  constexpr Index kBits = 32;
  const float* b = p.b + column;
  const Index a_step = p.a_step, b_stride = p.b_stride, length = p.length;
  const Index words = (length + kBits - 1) / kBits;
  I terms[kMostSkippedLength / kBits];
  for (Index r = 0; r < p.row_count; r += kLanes) {
    const Index count = least(kLanes, p.row_count - r);
    const float* a = p.rows[r];
    for (Index word = 0; word < words; ++word) {
      I found{};
      const Index first = word * kBits, bits = least(kBits, length - first);
      for (Index bit = 0; bit < bits; ++bit) {
        const I nonzero = fetch(a + (first + bit) * a_step, count) != 0.F;
        found |= nonzero & static_cast<std::int32_t>(1U << bit);
      }
      terms[word] = found;
    }
    for (Index i = 0; i < count; ++i) {
      Row<Vectors, Whole> row(tail);
      for (Index word = 0; word < words; ++word) {
        for (auto left = static_cast<std::uint32_t>(terms[word][i]); left != 0; left &= left - 1) {
          const Index k = word * kBits + __builtin_ctz(left);
          row.add(a[k * a_step + i], b + k * b_stride);
        }
      }
      row.finish(p, p.c + (r + i) * p.c_stride + column, column);
    }
  }
}

template <int Vectors>
void group(const Product& p, Index column, Index tail) {
  using Rows = void (*)(const Product&, Index, Index);
  constexpr Rows kRows[2][2] = {{along_rows<Vectors, false>, along_rows<Vectors, true>},
                                {across_rows<Vectors, false>, across_rows<Vectors, true>}};
  kRows[p.a_step == 1 ? 0 : 1][tail == kLanes ? 1 : 0](p, column, tail);
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
