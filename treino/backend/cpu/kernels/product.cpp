// SPDX-License-Identifier: Apache-2.0
// The one micro-kernel under matrix products and convolutions: a tile of C is held in registers
// while the whole inner extent runs by, a row of B as vectors and an element of each row of A
// splat.
#include <utility>  // integer_sequence: nothing of it is code

#include "treino/backend/cpu/kernels/parts.h"

namespace treino::cpu::TREINO_ISA {

namespace {

// Tiles of rows x vectors that fit the register file with B's row and one splat beside them; of one
// vector, as many rows as have their addresses in registers.
#if defined(__AVX512F__)
constexpr int kMostRows[] = {0, 12, 8, 8, 6};
constexpr int kMostVectors = 4;
#else
constexpr int kMostRows[] = {0, 8, 6};
constexpr int kMostVectors = 2;
#endif
constexpr int kRowLimit = kMostRows[1];
constexpr int kRowVectors = 8;  // of one row alone, whose sums would wait for each other

using Tile = void (*)(const Product&, Index row, Index end, Index column, Index tail);

// The tiles of rows [row, end), Rows at a time. `tail`: columns of the last vector (Tail only).
// What the description says is read before the stores, which might change it for all the compiler
// knows.
template <int Rows, int Vectors, bool Tail>
void tiles(const Product& p, Index row, Index end, Index column, Index tail) {
  const Index segments = p.segments, a_step = p.a_step, a_end = p.length * a_step;
  const Index b_stride = p.b_stride, c_stride = p.c_stride;
  const Index *a_offsets = p.a_offsets, *b_offsets = p.b_offsets, *c_offsets = p.c_offsets;
  const float *const *all_rows = p.rows, *all_b = p.b + column;
  const bool accumulate = p.accumulate, relu = p.relu;
  float* all_c = p.c + column;
  F bias[Vectors];
#pragma GCC unroll 8
  for (int v = 0; v < Vectors; ++v) {
    bias[v] = F{};
    if (p.bias == nullptr) continue;
    const float* from = p.bias + column + v * kLanes;
    bias[v] = Tail && v == Vectors - 1 ? load_part(from, tail) : load(from);
  }
  for (; row < end; row += Rows) {
    F sums[Rows][Vectors];
#pragma GCC unroll 12
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) sums[r][v] = F{};
    }
    const float* rows[Rows];
    for (Index s = 0; s < segments; ++s) {
      const Index a_offset = a_offsets == nullptr ? 0 : a_offsets[s];
#pragma GCC unroll 12
      for (int r = 0; r < Rows; ++r) rows[r] = all_rows[row + r] + a_offset;
      const float* b = all_b + (b_offsets == nullptr ? 0 : b_offsets[s]);
      for (Index k = 0; k < a_end; k += a_step, b += b_stride) {
        F b_row[Vectors];
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v) {
          b_row[v] =
              Tail && v == Vectors - 1 ? load_part(b + v * kLanes, tail) : load(b + v * kLanes);
        }
#pragma GCC unroll 12
        for (int r = 0; r < Rows; ++r) {
          const F a = splat(rows[r][k]);
#pragma GCC unroll 8
          for (int v = 0; v < Vectors; ++v) sums[r][v] = fma(a, b_row[v], sums[r][v]);
        }
      }
    }
#pragma GCC unroll 12
    for (int r = 0; r < Rows; ++r) {
      float* c = all_c + (c_offsets == nullptr ? (row + r) * c_stride : c_offsets[row + r]);
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) {
        const bool partial = Tail && v == Vectors - 1;
        float* at = c + v * kLanes;
        F value = sums[r][v] + bias[v];
        if (accumulate) value += partial ? load_part(at, tail) : load(at);
        if (relu) value = larger(F{}, value);
        if (partial)
          store_by_halves(at, value, tail);
        else
          store(at, value);
      }
    }
  }
}

template <int Vectors, bool Tail, int... Rows>
constexpr void fill(Tile (&of)[kRowLimit + 1], std::integer_sequence<int, Rows...>) {
  ((of[Rows + 1] = tiles<Rows + 1, Vectors, Tail>), ...);
}

template <int... Vectors>
constexpr void fill_row(Tile (&of)[kRowVectors + 1][2], std::integer_sequence<int, Vectors...>) {
  ((of[Vectors + 1][0] = tiles<1, Vectors + 1, false>,
    of[Vectors + 1][1] = tiles<1, Vectors + 1, true>),
   ...);
}

struct Tiles {
  Tile of[kMostVectors + 1][2][kRowLimit + 1] = {};
  Tile row[kRowVectors + 1][2] = {};
  constexpr Tiles() {
    fill_row(row, std::make_integer_sequence<int, kRowVectors>());
    fill<1, false>(of[1][0], std::make_integer_sequence<int, kMostRows[1]>());
    fill<1, true>(of[1][1], std::make_integer_sequence<int, kMostRows[1]>());
    fill<2, false>(of[2][0], std::make_integer_sequence<int, kMostRows[2]>());
    fill<2, true>(of[2][1], std::make_integer_sequence<int, kMostRows[2]>());
#if defined(__AVX512F__)
    fill<3, false>(of[3][0], std::make_integer_sequence<int, kMostRows[3]>());
    fill<3, true>(of[3][1], std::make_integer_sequence<int, kMostRows[3]>());
    fill<4, false>(of[4][0], std::make_integer_sequence<int, kMostRows[4]>());
    fill<4, true>(of[4][1], std::make_integer_sequence<int, kMostRows[4]>());
#endif
  }
};
constexpr Tiles kTiles;

// `count` cut into equal parts of `most` or less, the larger ones first: 5 as 3 + 2, not 4 + 1.
struct Parts {
  Index each, larger;  // the first `larger` are each + 1
  Parts(Index count, int most) {
    const auto all = static_cast<std::uint32_t>(count), limit = static_cast<std::uint32_t>(most);
    const std::uint32_t parts = all <= limit ? 1 : (all + limit - 1) / limit;
    each = parts == 1 ? all : all / parts;
    larger = all - static_cast<std::uint32_t>(each) * parts;
  }
};

void product(const Product& p) {
  const Parts across((p.columns + kLanes - 1) / kLanes,
                     p.row_count == 1 ? kRowVectors : kMostVectors);
  Index wider = across.larger;
  for (Index column = 0; column < p.columns; --wider) {
    const Index vectors = across.each + (wider > 0 ? 1 : 0);
    const Index wide = least(vectors * kLanes, p.columns - column);
    const Index tail = wide % kLanes;
    if (p.row_count == 1) {
      kTiles.row[vectors][tail != 0](p, 0, 1, column, tail);
    } else {
      const auto& of = kTiles.of[vectors][tail != 0];
      const Parts down(p.row_count, kMostRows[vectors]);
      const Index high = down.larger * (down.each + 1);
      if (high > 0) of[down.each + 1](p, 0, high, column, tail);
      if (high < p.row_count) of[down.each](p, high, p.row_count, column, tail);
    }
    column += wide;
  }
}

// Channels in the outer loop: one vector of weights a tap stays in a register for the whole row.
void depthwise_row(const DepthwiseRow& p) {
  for (Index c = 0; c < p.channels; c += kLanes) {
    const Index count = least(kLanes, p.channels - c);
    const bool whole = count == kLanes;
    const F bias = p.bias == nullptr ? F{}
                   : whole           ? load(p.bias + c)
                                     : load_part(p.bias + c, count);
    for (Index ox = 0; ox < p.width; ++ox) {
      F sum = bias;
      for (Index ky = 0; ky < p.kernel_height; ++ky) {
        for (Index kx = 0; kx < p.kernel_width; ++kx) {
          const float* x = p.x + ox * p.x_step + ky * p.tap_row + kx * p.tap_step + c;
          const float* w = p.kernel + (ky * p.kernel_width + kx) * p.channels + c;
          sum = whole ? fma(load(x), load(w), sum)
                      : fma(load_part(x, count), load_part(w, count), sum);
        }
      }
      if (p.relu) sum = larger(F{}, sum);
      float* y = p.y + ox * p.channels + c;
      if (whole)
        store(y, sum);
      else
        store_part(y, sum, count);
    }
  }
}

void depthwise_gradient(const DepthwiseGradient& p) {
  for (Index c = 0; c < p.channels; c += kLanes) {
    const Index count = least(kLanes, p.channels - c);
    const bool whole = count == kLanes;
    for (Index ky = 0; ky < p.kernel_height; ++ky) {
      for (Index kx = 0; kx < p.kernel_width; ++kx) {
        F sum{};
        for (Index oy = 0; oy < p.height; ++oy) {
          const float* x = p.x + oy * p.x_row + ky * p.tap_row + kx * p.tap_step + c;
          const float* dy = p.dy + oy * p.width * p.channels + c;
          for (Index ox = 0; ox < p.width; ++ox, x += p.x_step, dy += p.channels) {
            sum = whole ? fma(load(x), load(dy), sum)
                        : fma(load_part(x, count), load_part(dy, count), sum);
          }
        }
        float* to = p.kernel + (ky * p.kernel_width + kx) * p.channels + c;
        if (whole)
          store(to, load(to) + sum);
        else
          store_part(to, load_part(to, count) + sum, count);
      }
    }
  }
}

}  // namespace

void add_product(Kernels& kernels) {
  kernels.product = product;
  kernels.depthwise_row = depthwise_row;
  kernels.depthwise_gradient = depthwise_gradient;
  kernels.row_block = kMostRows[kMostVectors];
}

}  // namespace treino::cpu::TREINO_ISA
