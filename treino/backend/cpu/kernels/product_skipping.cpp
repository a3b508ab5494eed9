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

// The same of 4 kLanes elements.
TREINO_INLINE std::uint64_t nonzero_of_four(const float* x) {
#if defined(__AVX2__) && !defined(__AVX512F__)
  const auto nonzero = [](const float* from) {
    return (__m256i)_mm256_cmp_ps((__m256)load(from), _mm256_setzero_ps(), _CMP_NEQ_UQ);
  };
  // Packing works within halves: the dwords are put in order afterwards.
  const __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(nonzero(x), nonzero(x + 8)),
                                           _mm256_packs_epi32(nonzero(x + 16), nonzero(x + 24)));
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  return static_cast<std::uint32_t>(
      _mm256_movemask_epi8(_mm256_permutevar8x32_epi32(bytes, order)));
#else
  std::uint64_t mask = 0;
  for (int i = 0; i < 4; ++i)
    mask |= std::uint64_t{nonzero_lanes(load(x + i * kLanes))} << (i * kLanes);
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
  inline __attribute__((always_inline)) void finish(const Product& p, bool plain, float* c,
                                                    Index column) {
    if (!plain) complete(p, c, column);
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) put(c + v * kLanes, sums[v], whole(v) ? Index{kLanes} : tail);
  }
  inline __attribute__((always_inline)) void complete(const Product& p, const float* c,
                                                      Index column) {
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) {
      const Index count = whole(v) ? Index{kLanes} : tail;
      if (p.bias != nullptr) sums[v] += fetch(p.bias + column + v * kLanes, count);
      if (p.accumulate) sums[v] += fetch(c + v * kLanes, count);
      if (p.relu) sums[v] = larger(F{}, sums[v]);
    }
  }
};

// Whether sums go to C as they are: one branch a row where the predictor would see dozens, and
// forget over them how many terms the last group of columns had.
bool is_plain(const Product& p) {
  return p.bias == nullptr && !p.accumulate && !p.relu;
}

constexpr Index kWord = 64;       // elements whose zeros are looked at together
constexpr Index kMostKnown = 64;  // words of a row that its groups of columns share

// Bit i: element i of up to kWord is not zero.
TREINO_INLINE std::uint64_t nonzero_word(const float* x, Index count) {
  std::uint64_t word = 0;
  Index i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) word |= nonzero_of_four(x + i) << i;
  for (; i < count; i += kLanes)
    word |= std::uint64_t{nonzero_lanes(fetch(x + i, least(kLanes, count - i)))} << i;
  return word;
}

// `words`: of the row, one after the other; of a longer one null.
template <int Vectors, bool Whole>
TREINO_INLINE Row<Vectors, Whole> along_row(const float* a, const float* b, Index b_stride,
                                            const std::uint64_t* words, Index length, Index tail) {
  Row<Vectors, Whole> row(tail);
  for (Index k = 0; k < length; k += kWord) {
    std::uint64_t left =
        words != nullptr ? words[k / kWord] : nonzero_word(a + k, least(kWord, length - k));
    for (; left != 0; left &= left - 1) {
      const Index at = k + __builtin_ctzll(left);
      row.add(a[at], b + at * b_stride);
    }
  }
  return row;
}

// A is stored transposed: rows of C are neighbours in memory, kLanes of them are looked at
// together, each in a lane of its own: bit k of its words is set where its term k is not zero.
// Found for many rows ahead, so that finding waits for no sums and no row for finding.
constexpr Index kBits = 32, kRowsAhead = 64, kMostWords = kMostSkippedLength / kBits;
typedef std::uint32_t Bits __attribute__((vector_size(4 * kLanes), may_alias));
struct Terms {
  alignas(Bits) std::uint32_t words[kRowsAhead / kLanes][kMostWords][kLanes];
};

template <bool Whole>
TREINO_INLINE void find_terms(const Product& p, Index first, Index rows,
                              std::uint32_t (*words)[kLanes]) {
  const float* a = p.rows[first];
  const Index a_step = p.a_step;
  for (Index k = 0; k == 0 || k < p.length; k += kBits) {
    Bits found{}, bit = Bits{} + 1U;
    const float* end = a + least(kBits, p.length - k) * a_step;
    for (; a != end; a += a_step, bit += bit)
      found |= reinterpret_cast<Bits>(take<Whole>(a, rows) != 0.F) & bit;
    *reinterpret_cast<Bits*>(words[k / kBits]) = found;
  }
}

void find_terms(const Product& p, Index first, Index rows, Terms& terms) {
  Index i = 0;
  for (; i + kLanes <= rows; i += kLanes)
    find_terms<true>(p, first + i, kLanes, terms.words[i / kLanes]);
  if (i < rows) find_terms<false>(p, first + i, rows - i, terms.words[i / kLanes]);
}

// words: of the row's lane, kLanes apart.
template <int Vectors, bool Whole>
TREINO_INLINE Row<Vectors, Whole> across_row(const float* a, Index a_step, const float* b,
                                             Index b_stride, const std::uint32_t* words,
                                             Index count, Index tail) {
  Row<Vectors, Whole> row(tail);
  for (Index word = 0;;) {
    for (std::uint32_t left = words[word * kLanes]; left != 0; left &= left - 1) {
      const Index k = word * kBits + __builtin_ctz(left);
      row.add(a[k * a_step], b + k * b_stride);
    }
    if (++word == count) return row;
  }
}

// Columns [begin, end) of all rows, in groups that fit the registers: whole ones up to `last`,
// where one of Vectors begins. Row by row, as the predictor knows from one group how many terms the
// next one has.
template <int Vectors, bool Whole>
void columns_of(const Product& p, Index begin, Index last, Index tail) {
  constexpr Index kWide = kGroup * kLanes;
  const bool plain = is_plain(p);
  const Index a_step = p.a_step, b_stride = p.b_stride, c_stride = p.c_stride;
  if (p.a_step == 1) {
    std::uint64_t known[kMostKnown];
    const Index length = p.length;
    const std::uint64_t* words = length <= kMostKnown * kWord ? known : nullptr;
    for (Index r = 0; r < p.row_count; ++r) {
      const float* a = p.rows[r];
      for (Index k = 0; words != nullptr && k < length; k += kWord)
        known[k / kWord] = nonzero_word(a + k, least(kWord, length - k));
      float* c = p.c + r * c_stride;
      for (Index column = begin; column < last; column += kWide) {
        along_row<kGroup, true>(a, p.b + column, b_stride, words, length, kLanes)
            .finish(p, plain, c + column, column);
      }
      if constexpr (Vectors > 0) {
        along_row<Vectors, Whole>(a, p.b + last, b_stride, words, length, tail)
            .finish(p, plain, c + last, last);
      }
    }
    return;
  }
  Terms terms;
  const Index count = most(1, (p.length + kBits - 1) / kBits);
  const float* const b = p.b;
  for (Index first = 0; first < p.row_count; first += kRowsAhead) {
    const Index rows = least(kRowsAhead, p.row_count - first);
    find_terms(p, first, rows, terms);
    const float* a = p.rows[first];
    float* c = p.c + first * c_stride;
    for (Index i = 0; i < rows; ++i, ++a, c += c_stride) {
      const std::uint32_t* words = terms.words[i / kLanes][0] + i % kLanes;
      for (Index column = begin; column < last; column += kWide) {
        across_row<kGroup, true>(a, a_step, b + column, b_stride, words, count, kLanes)
            .finish(p, plain, c + column, column);
      }
      if constexpr (Vectors > 0) {
        across_row<Vectors, Whole>(a, a_step, b + last, b_stride, words, count, tail)
            .finish(p, plain, c + last, last);
      }
    }
  }
}

using Columns = void (*)(const Product&, Index begin, Index last, Index tail);
template <int Vectors>
constexpr Columns kColumns[2] = {columns_of<Vectors, false>, columns_of<Vectors, true>};

void product_skipping(const Product& p) {
  constexpr const Columns* of[] = {kColumns<0>, kColumns<1>, kColumns<2>, kColumns<3>, kColumns<4>,
                                   kColumns<5>, kColumns<6>, kColumns<7>, kColumns<8>};
  constexpr Index kWide = kGroup * kLanes;
  for (Index begin = 0; begin < p.columns; begin += 2 * kWide) {  // B's part stays in L1
    const Index columns = least(2 * kWide, p.columns - begin), last = columns / kWide * kWide;
    const Index vectors = (columns - last + kLanes - 1) / kLanes;
    const Index tail = columns - last - (vectors - 1) * kLanes;
    of[vectors][tail == kLanes ? 1 : 0](p, begin, begin + last, tail);
  }
}

}  // namespace

void add_product_skipping(Kernels& kernels) {
  kernels.product_skipping = product_skipping;
  kernels.count_nonzero = count_nonzero;
  kernels.all_finite = all_finite;
}

}  // namespace treino::cpu::TREINO_ISA
