// SPDX-License-Identifier: Apache-2.0
// The two sides of a product of tiles, read where they lie: matrices, and the patches of pictures
// that make a convolution a product (implicit GEMM; Chetlur et al. 2014, arXiv:1410.0759). Beyond
// the edges they are zero. So many neighbours of a side are read at once: 4 where its extents, and
// the results', allow it.
#pragma once

#include "treino/backend/cuda/kernels/epilogue.h"
#include "treino/backend/cuda/kernels/tiled.h"
#include "treino/backend/cuda/kernels/window.h"

namespace treino::cuda {

template <int kVector>
TREINO_HOST_DEVICE void read_or_zero(bool inside, const float* from, int at, float (&to)[kVector]) {
  if constexpr (kVector == 4) {
    const auto four = inside ? neighbours_at<4>(from + at) : Neighbours<4>{};
#pragma unroll
    for (int v = 0; v < 4; ++v) to[v] = four.value[v];
  } else {
    to[0] = inside ? from[at] : 0;
  }
}

// left(row, k) = a[row * a_row + k * a_k], right(k, column) = b[k * b_k + column * b_column];
// one stride of each is 1.
template <int kWidth>
struct MatrixOperands {
  static constexpr int kVector = kWidth, kLeftVector = kWidth, kRightVector = kWidth;
  static constexpr Results kResults = Results::any;
  const float *a, *b;
  int rows, columns, inner;
  int a_row, a_k, b_k, b_column;  // no offset is beyond 32 bits

  // Of whole matrices: a is [rows][inner], b is [inner][columns], turned the other way round.
  static MatrixOperands of(const float* a, const float* b, int rows, int columns, int inner,
                           bool turned_a, bool turned_b) {
    return {a,
            b,
            rows,
            columns,
            inner,
            turned_a ? 1 : inner,
            turned_a ? rows : 1,
            turned_b ? 1 : columns,
            turned_b ? inner : 1};
  }

  struct Row {
    int at;  // offset; -1: beyond the last
  };
  using Column = Row;

  TREINO_HOST_DEVICE bool left_along_k() const { return a_k == 1; }
  TREINO_HOST_DEVICE bool right_along_k() const { return b_k == 1; }
  TREINO_HOST_DEVICE Row row(int row) const { return {row < rows ? row * a_row : -1}; }
  TREINO_HOST_DEVICE Column column(int column) const {
    return {column < columns ? column * b_column : -1};
  }
  TREINO_HOST_DEVICE void left(const Row& row, int k, float (&to)[kLeftVector]) const {
    read_or_zero(row.at >= 0 && k < inner, a, row.at + k * a_k, to);
  }
  TREINO_HOST_DEVICE void right(const Column& column, int k, float (&to)[kRightVector]) const {
    read_or_zero(column.at >= 0 && k < inner, b, column.at + k * b_k, to);
  }
};

// A convolution's extents, and its arrays' offsets, in 32 bits; one group.
struct Patches {
  SmallDivisor height, width, channels, filters, out[2];
  int rows;             // of a kernel
  SmallDivisor across;  // its columns
  SmallDivisor stride[2];
  int dilation[2], pad[2];
  int pixels;  // of the output, all samples

  // A pixel of the output: where its window begins in the input.
  struct Corner {
    int sample;  // its first row of pixels, of all samples'; -1: no such pixel
    int y, x;
  };
  // A number of the window: tap and channel.
  struct Tap {
    int y, x, channel;  // channel -1: beyond the last
  };
  TREINO_HOST_DEVICE Corner corner(int pixel) const {
    if (pixel >= pixels) return {-1, 0, 0};
    const int row = pixel / out[1], ox = pixel - row * out[1];
    const int n = row / out[0], oy = row - n * out[0];
    return {n * height, oy * stride[0] - pad[0], ox * stride[1] - pad[1]};
  }
  // `each` channels (or filters) a tap.
  TREINO_HOST_DEVICE Tap tap(int number, const SmallDivisor& each) const {
    const int tap = number / each, y = tap / across;
    if (y >= rows) return {0, 0, -1};
    return {y * dilation[0], (tap - y * across) * dilation[1], number - tap * each};
  }
  template <int kVector>
  TREINO_HOST_DEVICE void read(const float* x, const Corner& corner, const Tap& tap,
                               float (&to)[kVector]) const {
    const int iy = corner.y + tap.y, ix = corner.x + tap.x;
    const bool inside = corner.sample >= 0 && tap.channel >= 0 &&
                        static_cast<unsigned>(iy) < static_cast<unsigned>(int{height}) &&
                        static_cast<unsigned>(ix) < static_cast<unsigned>(int{width});
    read_or_zero(inside, x, ((corner.sample + iy) * width + ix) * channels + tap.channel, to);
  }
};

// right(k, column) of numbers [k][filter]: a kernel's by its taps and channels, or dy's by pixels.
struct FilterColumn {
  int filter;
  template <int kVector>
  TREINO_HOST_DEVICE void read(const float* from, int k, int inner, int filters,
                               float (&to)[kVector]) const {
    read_or_zero(filter < filters && k < inner, from, k * filters + filter, to);
  }
};

// y: rows are pixels of the output, k are taps and channels, columns are filters.
template <int kLeft, int kRight = kLeft>
struct ConvOperands {
  static constexpr int kLeftVector = kLeft, kRightVector = kRight;
  static constexpr Results kResults = Results::numbers;
  const float *x, *kernel;
  Patches p;
  int rows, columns, inner;

  using Row = Patches::Corner;
  using Column = FilterColumn;
  TREINO_HOST_DEVICE static constexpr bool left_along_k() { return true; }
  TREINO_HOST_DEVICE static constexpr bool right_along_k() { return false; }
  TREINO_HOST_DEVICE Row row(int row) const { return p.corner(row); }
  TREINO_HOST_DEVICE Column column(int column) const { return {column}; }
  TREINO_HOST_DEVICE void left(const Row& row, int k, float (&to)[kLeftVector]) const {
    p.read(x, row, p.tap(k, p.channels), to);
  }
  TREINO_HOST_DEVICE void right(const Column& column, int k, float (&to)[kRightVector]) const {
    column.read(kernel, k, inner, columns, to);
  }
};

// dkernel: rows are taps and channels, k are pixels of the output, columns are filters.
template <int kLeft, int kRight = kLeft>
struct ConvGradKernelOperands {
  static constexpr int kLeftVector = kLeft, kRightVector = kRight;
  static constexpr Results kResults = Results::gradients;
  const float *x, *dy;
  Patches p;
  int rows, columns, inner;

  using Row = Patches::Tap;
  using Column = FilterColumn;
  TREINO_HOST_DEVICE static constexpr bool left_along_k() { return false; }
  TREINO_HOST_DEVICE static constexpr bool right_along_k() { return false; }
  TREINO_HOST_DEVICE Row row(int row) const { return p.tap(row, p.channels); }
  TREINO_HOST_DEVICE Column column(int column) const { return {column}; }
  TREINO_HOST_DEVICE void left(const Row& row, int k, float (&to)[kLeftVector]) const {
    p.read(x, p.corner(k), row, to);
  }
  TREINO_HOST_DEVICE void right(const Column& column, int k, float (&to)[kRightVector]) const {
    column.read(dy, k, inner, columns, to);
  }
};

// dx: rows are pixels of the input, k are taps and filters, columns are channels.
template <int kLeft, int kRight = kLeft>
struct ConvGradInputOperands {
  static constexpr int kLeftVector = kLeft, kRightVector = kRight;
  static constexpr Results kResults = Results::numbers;
  const float *dy, *kernel;
  Patches p;
  int rows, columns, inner;

  struct Row {
    int sample;  // dy's first row of its pixels, of all samples'; -1: no such pixel
    int y, x;    // of the pixel, in the padded picture
  };
  struct Column {
    int channel;
  };
  TREINO_HOST_DEVICE static constexpr bool left_along_k() { return true; }
  TREINO_HOST_DEVICE static constexpr bool right_along_k() { return true; }
  TREINO_HOST_DEVICE Row row(int row) const {
    if (row >= rows) return {-1, 0, 0};
    const int line = row / p.width, x = row - line * p.width;
    const int n = line / p.height, y = line - n * p.height;
    return {n * p.out[0], y + p.pad[0], x + p.pad[1]};
  }
  TREINO_HOST_DEVICE Column column(int column) const { return {column}; }
  TREINO_HOST_DEVICE void left(const Row& row, int k, float (&to)[kLeftVector]) const {
    const Patches::Tap tap = p.tap(k, p.filters);
    int y = row.y - tap.y, x = row.x - tap.x;
    bool inside = row.sample >= 0 && tap.channel >= 0 && y >= 0 && x >= 0;
    if (inside && (p.stride[0] != 1 || p.stride[1] != 1)) {
      const int padded_y = y, padded_x = x;
      y = y / p.stride[0];
      x = x / p.stride[1];
      inside = y * p.stride[0] == padded_y && x * p.stride[1] == padded_x;
    }
    inside = inside && y < p.out[0] && x < p.out[1];
    read_or_zero(inside, dy, ((row.sample + y) * p.out[1] + x) * p.filters + tap.channel, to);
  }
  // Filters are neighbours in a kernel [tap][channel][filter].
  TREINO_HOST_DEVICE void right(const Column& column, int k, float (&to)[kRightVector]) const {
    const int tap = k / p.filters, filter = k - tap * p.filters;
    read_or_zero(column.channel < columns && k < inner, kernel,
                 (tap * columns + column.channel) * p.filters + filter, to);
  }
};

}  // namespace treino::cuda
