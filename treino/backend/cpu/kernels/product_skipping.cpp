// SPDX-License-Identifier: Apache-2.0
// Products whose first operand is mostly zeros, as dark pixels are. Adding a product with zero to a
// sum that starts at +0 changes no bit of it as long as the other operand is finite, and the terms
// that are left are added in the order of the dense kernel: the result is the dense one's.
#include <utility>  // integer_sequence: nothing of it is code

#include "treino/backend/cpu/kernels/adam.h"
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

// The same of 4 kLanes elements, or of the first `count` of them.
template <bool Whole>
TREINO_INLINE std::uint64_t nonzero_of_four(const float* x, Index count) {
#if defined(__AVX2__) && !defined(__AVX512F__)
  const auto nonzero = [&](Index i) {  // load_part takes any count here
    const float* from = x + i * kLanes;
    const F vector = Whole ? load(from) : load_part(from, count - i * kLanes);
    return (__m256i)_mm256_cmp_ps((__m256)vector, _mm256_setzero_ps(), _CMP_NEQ_UQ);
  };
  // Packing works within halves: the dwords are put in order afterwards.
  const __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(nonzero(0), nonzero(1)),
                                           _mm256_packs_epi32(nonzero(2), nonzero(3)));
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  return static_cast<std::uint32_t>(
      _mm256_movemask_epi8(_mm256_permutevar8x32_epi32(bytes, order)));
#else
  std::uint64_t mask = 0;
  Index i = 0;
  for (; Whole ? i < 4 * kLanes : i + kLanes <= count; i += kLanes)
    mask |= std::uint64_t{nonzero_lanes(load(x + i))} << i;
  if (!Whole && i < count) mask |= std::uint64_t{nonzero_lanes(load_part(x + i, count - i))} << i;
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
  template <bool Add>
  inline __attribute__((always_inline)) void keep(float* to) const {
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) {
      float* place = to + v * kLanes;
      const Index held = whole(v) ? Index{kLanes} : tail;
      put(place, Add ? fetch(place, held) + sums[v] : sums[v], held);
    }
  }
};

// Where rows go, one after the other: to C, or to what is there already.
template <bool Add>
struct IntoC {
  float* c;
  Index stride;

  template <int Vectors, bool Whole>
  inline __attribute__((always_inline)) void give(const Row<Vectors, Whole>& row,
                                                  Index column) const {
    row.template keep<Add>(c + column);
  }
  inline __attribute__((always_inline)) void next_row() { c += stride; }
};

#if defined(__AVX512F__)
// The same, each element's gradient to Adam. What waits for roots and for moments from beyond the
// first cache and what waits for sums then wait side by side.
struct IntoAdam {
  Adam adam;
  Index first, columns;  // element of the row's first column

  template <int Vectors, bool Whole>
  inline __attribute__((always_inline)) void give(const Row<Vectors, Whole>& row,
                                                  Index column) const {
    constexpr int kWhole = Whole ? Vectors : Vectors - 1, kFours = kWhole / 4 * 4;
    const Index at = first + column;
#pragma GCC unroll 2
    for (int v = 0; v < kFours; v += 4)
      adam.step<4, true>([&](int k) { return row.sums[v + k]; }, at + v * kLanes, kLanes);
#pragma GCC unroll 3
    for (int v = kFours; v < kWhole; ++v)
      adam.step<1, true>([&](int) { return row.sums[v]; }, at + v * kLanes, kLanes);
    if constexpr (!Whole) {
      adam.step<1, false>([&](int) { return row.sums[kWhole]; }, at + kWhole * kLanes, row.tail);
    }
  }
  inline __attribute__((always_inline)) void next_row() {
    first += columns;
  }
};
#endif

// The places of the terms that are not zero, a bit each, found for many rows ahead: finding then
// waits for no sums and no row for finding.
constexpr Index kRowsAhead = 64;

// A as it is: a row is words of 64 bits, one after the other.
struct Along {
  using Word = std::uint64_t;
  static constexpr Index kBits = 64, kWords = kMostSkippedRow / kBits, kStep = 1;
  Word words[kWords];

  static Index a_step(const Product&) { return 1; }
  // Of rows with so many words: from one to the next, and how many are found ahead.
  static Index row_step(Index count) { return count; }
  static Index rows_ahead(Index count) { return least(kRowsAhead, kWords / count); }

  static Word word(const float* x, Index length) {
    Word found = 0;
    Index i = 0;
    for (; i + 4 * kLanes <= length; i += 4 * kLanes)
      found |= nonzero_of_four<true>(x + i, 4 * kLanes) << i;
    if (i < length) found |= nonzero_of_four<false>(x + i, length - i) << i;
    return found;
  }
  void find(const Product& p, Index first, Index rows) {
    const Index length = p.length;
    const float* const* from = p.rows + first;
    Word* to = words;
    for (Index r = 0; r < rows; ++r) {
      const float* a = from[r];
      Index left = length;
      do {
        *to++ = word(a, least(kBits, left));
        a += kBits;
        left -= kBits;
      } while (left > 0);
    }
  }
};

// A transposed: rows are neighbours in memory, kLanes of them are looked at together, each in a
// lane of its own.
struct Across {
  using Word = std::uint32_t;
  typedef Word Words __attribute__((vector_size(4 * kLanes), may_alias));
  static constexpr Index kBits = 32, kStep = kRowsAhead;
  alignas(Words) Word words[kMostSkippedColumn / kBits * kStep];

  static Index a_step(const Product& p) { return p.a_step; }
  static Index row_step(Index) { return 1; }
  static Index rows_ahead(Index) { return kRowsAhead; }

  template <bool Whole>
  static void find_block(const Product& p, const float* a, Index rows, Word* to) {
    const Index a_step = p.a_step;
    for (Index k = 0; k == 0 || k < p.length; k += kBits, to += kStep) {
      Words found{}, bit = Words{} + 1U;
      const float* end = a + least(kBits, p.length - k) * a_step;
      for (; a != end; a += a_step, bit += bit)
        found |= reinterpret_cast<Words>(take<Whole>(a, rows) != 0.F) & bit;
      *reinterpret_cast<Words*>(to) = found;
    }
  }
  void find(const Product& p, Index first, Index rows) {
    Index i = 0;
    for (; i + kLanes <= rows; i += kLanes)
      find_block<true>(p, p.rows[first + i], kLanes, words + i);
    if (i < rows) find_block<false>(p, p.rows[first + i], rows - i, words + i);
  }
};

// `words`: of the row, `count` of them.
template <typename Terms, int Vectors, bool Whole, bool OneWord>
TREINO_INLINE Row<Vectors, Whole> sums_of(const typename Terms::Word* words, Index count,
                                          const float* a, Index a_step, const float* b,
                                          Index b_stride, Index tail) {
  Row<Vectors, Whole> row(tail);
  for (;;) {
    for (auto left = *words; left != 0; left &= left - 1) {
      const Index k = __builtin_ctzll(left);
      row.add(a[k * a_step], b + k * b_stride);
    }
    if (OneWord || --count == 0) return row;
    words += Terms::kStep;
    a += Terms::kBits * a_step;
    b += Terms::kBits * b_stride;
  }
}

// All rows of some columns, from `begin` on, to `to`: Groups of vectors that fill the registers,
// then Vectors. Row by row, and each group with a loop of its own, as the predictor knows from one
// how many terms the next one has.
template <typename Terms, typename To, int Groups, int Vectors, bool Whole, bool OneWord>
void columns_of(const Product& p, Index begin, Index tail, To to) {
  constexpr Index kWide = kGroup * kLanes;
  const Index b_stride = p.b_stride, row_count = p.row_count;
  const float *const *all_rows = p.rows, *b = p.b + begin;
  const Index count = most(1, (p.length + Terms::kBits - 1) / Terms::kBits);
  const Index a_step = Terms::a_step(p), row_step = Terms::row_step(count),
              rows_ahead = Terms::rows_ahead(count);
  Terms terms;
  for (Index first = 0; first < row_count; first += rows_ahead) {
    const Index rows = least(rows_ahead, row_count - first);
    terms.find(p, first, rows);
    const typename Terms::Word* words = terms.words;
    for (Index i = 0; i < rows; ++i, to.next_row(), words += row_step) {
      const float* a = all_rows[first + i];
#pragma GCC unroll 2
      for (Index g = 0; g < Groups; ++g) {
        to.give(sums_of<Terms, kGroup, true, OneWord>(words, count, a, a_step, b + g * kWide,
                                                      b_stride, kLanes),
                g * kWide);
      }
      if constexpr (Vectors > 0) {
        to.give(sums_of<Terms, Vectors, Whole, OneWord>(words, count, a, a_step, b + Groups * kWide,
                                                        b_stride, tail),
                Groups * kWide);
      }
    }
  }
}

template <typename To>
using Columns = void (*)(const Product&, Index begin, Index tail, To to);

template <typename Terms, typename To, int Groups, int... Vectors>
constexpr void fill(Columns<To> (&of)[kGroup][2], std::integer_sequence<int, Vectors...>) {
  ((of[Vectors + 1][0] = columns_of<Terms, To, Groups, Vectors + 1, false, false>,
    of[Vectors + 1][1] = columns_of<Terms, To, Groups, Vectors + 1, true, false>),
   ...);
}

// By whole groups, vectors after them, and whether the last of these is whole.
template <typename Terms, typename To>
struct Table {
  Columns<To> of[3][kGroup][2] = {};
  Columns<To> one_word[3] = {};  // whole groups only
  constexpr Table() {
    fill<Terms, To, 0>(of[0], std::make_integer_sequence<int, kGroup - 1>());
    fill<Terms, To, 1>(of[1], std::make_integer_sequence<int, kGroup - 1>());
    of[1][0][1] = columns_of<Terms, To, 1, 0, true, false>;
    of[2][0][1] = columns_of<Terms, To, 2, 0, true, false>;
    one_word[1] = columns_of<Terms, To, 1, 0, true, true>;
    one_word[2] = columns_of<Terms, To, 2, 0, true, true>;
  }
};

// Sums alone: no bias and no activation. to_columns(begin): where those of the columns from there
// on go.
template <typename Terms, typename ToColumns>
void sums_of_rows(const Product& p, const ToColumns& to_columns) {
  using To = decltype(to_columns(Index{}));
  static constexpr Table<Terms, To> kTable;
  constexpr Index kWide = kGroup * kLanes;
  for (Index begin = 0; begin < p.columns; begin += 2 * kWide) {  // B's part stays in L1
    const Index columns = least(2 * kWide, p.columns - begin), groups = columns / kWide;
    const Index others = columns - groups * kWide, tail = others % kLanes;
    const Columns<To> run = others == 0 && p.length <= Terms::kBits
                                ? kTable.one_word[groups]
                                : kTable.of[groups][(others + kLanes - 1) / kLanes][tail == 0];
    run(p, begin, tail == 0 ? kLanes : tail, to_columns(begin));
  }
}

template <typename Terms, bool Add>
void sums_into_c(const Product& p) {
  sums_of_rows<Terms>(p, [&](Index begin) { return IntoC<Add>{p.c + begin, p.c_stride}; });
}

void sums(const Product& p) {
  p.a_step == 1 ? sums_into_c<Along, false>(p) : sums_into_c<Across, false>(p);
}

void complete(const Product& p, float* c, const float* sums, Index column, Index columns) {
  for (Index i = 0; i < columns; i += kLanes) {
    const Index count = least(kLanes, columns - i);
    F value = fetch(sums + i, count);
    if (p.bias != nullptr) value += fetch(p.bias + column + i, count);
    if (p.accumulate) value += fetch(c + i, count);
    if (p.relu) value = larger(F{}, value);
    put(c + i, value, count);
  }
}

// Where sums do not go to C as they are, they take the way through a piece of memory, so that the
// loop over terms has the registers and the predictor to itself.
void product_skipping(const Product& p) {
  const bool plain = p.bias == nullptr && !p.relu;
  if (plain && !p.accumulate) return sums(p);
  if (plain && p.a_step == 1) return sums_into_c<Along, true>(p);
  constexpr Index kRows = 16, kColumns = 2 * kGroup * kLanes;
  float block[kRows * kColumns];
  for (Index row = 0; row < p.row_count; row += kRows) {
    for (Index column = 0; column < p.columns; column += kColumns) {
      Product part = p;
      part.rows += row;
      part.row_count = least(kRows, p.row_count - row);
      part.columns = least(kColumns, p.columns - column);
      part.b += column;
      part.c = block;
      part.c_stride = kColumns;
      part.bias = nullptr;
      part.accumulate = part.relu = false;
      sums(part);
      for (Index r = 0; r < part.row_count; ++r) {
        complete(p, p.c + (row + r) * p.c_stride + column, block + r * kColumns, column,
                 part.columns);
      }
    }
  }
}

#if defined(__AVX512F__)
void product_skipping_adam(const Product& p, const GroupArguments& group, Index first) {
  const Adam adam(group);
  sums_of_rows<Across>(p, [&](Index begin) { return IntoAdam{adam, first + begin, p.columns}; });
}
#endif

}  // namespace

void add_product_skipping(Kernels& kernels) {
  kernels.product_skipping = product_skipping;
#if defined(__AVX512F__)
  kernels.product_skipping_adam = product_skipping_adam;
#endif
  kernels.count_nonzero = count_nonzero;
  kernels.all_finite = all_finite;
}

}  // namespace treino::cpu::TREINO_ISA
