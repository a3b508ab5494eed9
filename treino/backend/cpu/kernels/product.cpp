// SPDX-License-Identifier: Apache-2.0
// The one micro-kernel under matrix products and convolutions: a tile of C is held in registers
// while the whole inner extent runs by, a row of B as vectors and an element of each row of A
// splat.
#include <utility>  // integer_sequence: nothing of it is code

#include "treino/backend/cpu/kernels/parts.h"

namespace treino::cpu::TREINO_ISA {

namespace {

// Tiles of rows x vectors that fit the register file with B's row and one splat beside them.
#if defined(__AVX512F__)
constexpr int kMostRows[] = {0, 12, 8, 8, 6};
constexpr int kMostVectors = 4;
#else
constexpr int kMostRows[] = {0, 6, 6};
constexpr int kMostVectors = 2;
#endif
constexpr int kRowLimit = kMostRows[1];
constexpr int kRowVectors = 8;  // of one row alone, whose sums would wait for each other

using Tile = void (*)(const Product&, Index row, Index column, Index tail);

// `tail`: columns of the last vector (Tail only).
template <int Rows, int Vectors, bool Tail>
void tile(const Product& p, Index row, Index column, Index tail) {
  F sums[Rows][Vectors];
#pragma GCC unroll 12
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) sums[r][v] = F{};
  }
  const float* rows[Rows];
  for (Index s = 0; s < p.segments; ++s) {
    const Index a_offset = p.a_offsets == nullptr ? 0 : p.a_offsets[s];
#pragma GCC unroll 12
    for (int r = 0; r < Rows; ++r) rows[r] = p.rows[row + r] + a_offset;
    const float* b = p.b + (p.b_offsets == nullptr ? 0 : p.b_offsets[s]) + column;
    const Index a_end = p.length * p.a_step;
    for (Index k = 0; k < a_end; k += p.a_step, b += p.b_stride) {
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
  float* c[Rows];
#pragma GCC unroll 12
  for (int r = 0; r < Rows; ++r) {
    c[r] = p.c + (p.c_offsets == nullptr ? (row + r) * p.c_stride : p.c_offsets[row + r]) + column;
  }
#pragma GCC unroll 8
  for (int v = 0; v < Vectors; ++v) {
    const bool partial = Tail && v == Vectors - 1;
    F bias{};
    if (p.bias != nullptr) {
      bias = partial ? load_part(p.bias + column + v * kLanes, tail)
                     : load(p.bias + column + v * kLanes);
    }
#pragma GCC unroll 12
    for (int r = 0; r < Rows; ++r) {
      float* at = c[r] + v * kLanes;
      F value = sums[r][v] + bias;
      if (p.accumulate) value += partial ? load_part(at, tail) : load(at);
      if (p.relu) value = larger(F{}, value);
      if (partial)
        store_part(at, value, tail);
      else
        store(at, value);
    }
  }
}

template <int Vectors, bool Tail, int... Rows>
constexpr void fill(Tile (&tiles)[kRowLimit + 1], std::integer_sequence<int, Rows...>) {
  ((tiles[Rows + 1] = tile<Rows + 1, Vectors, Tail>), ...);
}

template <int... Vectors>
constexpr void fill_row(Tile (&tiles)[kRowVectors + 1][2], std::integer_sequence<int, Vectors...>) {
  ((tiles[Vectors + 1][0] = tile<1, Vectors + 1, false>,
    tiles[Vectors + 1][1] = tile<1, Vectors + 1, true>),
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
  std::uint32_t each, larger;  // the first `larger` are each + 1
  Parts(Index count, int most) {
    const auto all = static_cast<std::uint32_t>(count), limit = static_cast<std::uint32_t>(most);
    const std::uint32_t parts = all <= limit ? 1 : (all + limit - 1) / limit;
    each = parts == 1 ? all : all / parts;
    larger = all - each * parts;
  }
  Index take() {
    if (larger == 0) return each;
    --larger;
    return each + 1;
  }
};

void product(const Product& p) {
  Parts across((p.columns + kLanes - 1) / kLanes, p.row_count == 1 ? kRowVectors : kMostVectors);
  for (Index column = 0; column < p.columns;) {
    const Index vectors = across.take();
    const Index wide = least(vectors * kLanes, p.columns - column);
    const Index tail = wide % kLanes;
    if (p.row_count == 1) {
      kTiles.row[vectors][tail != 0](p, 0, column, tail);
      column += wide;
      continue;
    }
    const auto& tiles = kTiles.of[vectors][tail != 0];
    Parts down(p.row_count, kMostRows[vectors]);
    for (Index row = 0; row < p.row_count;) {
      const Index rows = down.take();
      tiles[rows](p, row, column, tail);
      row += rows;
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
