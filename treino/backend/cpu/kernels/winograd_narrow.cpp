// SPDX-License-Identifier: Apache-2.0
// Winograd's F(4x4, 3x3) forward for images of few channels, a row of tiles at a time: a vector
// holds what the six points down a tile have of one pixel and channel, the products of a point's
// few channels stay in registers, and y's channels are the vectors of the way back.
#include "treino/backend/cpu/kernels/parts.h"
#include "treino/backend/cpu/kernels/winograd_lines.h"

namespace treino::cpu::TREINO_ISA {

namespace {

constexpr int kPoints = 6, kOutputs = 4, kDown = kWinogradDown;

typedef float Down __attribute__((vector_size(4 * kDown)));  // the points, and two of nothing
typedef float UnalignedDown __attribute__((vector_size(4 * kDown), aligned(4), may_alias));

// B^T by its columns: what a pixel of each of the six rows gives to the points.
constexpr Down kColumns[kPoints] = {{4, 0, 0, 0, 0, 0},      {0, -4, 4, -2, 2, 4},
                                    {-5, -4, -4, -1, -1, 0}, {0, 1, -1, 2, -2, -5},
                                    {1, 1, 1, 1, 1, 0},      {0, 0, 0, 0, 0, 1}};

TREINO_INLINE UnalignedDown& down_at(float* lines, Index i) {
  return *reinterpret_cast<UnalignedDown*>(lines + i * kDown);
}

// The image's rows [begin, end) of the six under the tiles, `count` numbers of each.
TREINO_INLINE void points_down(const float* rows, Index stride, Index begin, Index end, Index count,
                               float* lines) {
  for (Index k = 0; k < count; ++k) {
    Down sum{};
    for (Index row = begin; row < end; ++row) sum += kColumns[row] * rows[row * stride + k];
    down_at(lines, k) = sum;
  }
}

TREINO_INLINE void all_points_down(const WinogradRow& p, Index columns) {
  const Index top = p.y - p.pad[0], line = p.width * p.channels;
  const Index begin = most(-top, 0), end = least(kPoints, p.height - top);
  const Index before = least(p.pad[1], columns), inside = least(p.width, columns - before);
  for (Index k = 0; k < before * p.channels; ++k) down_at(p.lines, k) = Down{};
  const float* rows = p.image + top * line;
  float* lines = p.lines + before * p.channels * kDown;
  if (begin == 0 && end == kPoints)
    points_down(rows, line, 0, kPoints, inside * p.channels, lines);
  else
    points_down(rows, line, begin, end, inside * p.channels, lines);
  for (Index k = (before + inside) * p.channels; k < columns * p.channels; ++k)
    down_at(p.lines, k) = Down{};
}

// points[tile][channel][across][down]
TREINO_INLINE void points_across(const WinogradRow& p, Index tiles) {
  for (Index tile = 0; tile < tiles; ++tile) {
    for (Index c = 0; c < p.channels; ++c) {
      Down d[kPoints], o[kPoints];
      for (int j = 0; j < kPoints; ++j)
        d[j] = down_at(p.lines, (tile * kOutputs + j) * p.channels + c);
      Line<kOutputs>::input(d, o);
      for (int j = 0; j < kPoints; ++j)
        down_at(p.points, (tile * p.channels + c) * kPoints + j) = o[j];
    }
  }
}

// What a block of y's channels needs of the kernel: [across][channel][down][kWinogradBlock].
TREINO_INLINE Index block_floats(Index channels) {
  return kPoints * channels * kPoints * kWinogradBlock;
}

// Vectors [0, kVectors) of a block of y's channels, for a tile; of the last vector `count` numbers.
// kChannels: x's, where they are known.
template <int kVectors, int kChannels>
TREINO_INLINE void outputs(const WinogradRow& p, Index tile, Index f, Index count) {
  const Index channels = kChannels > 0 ? kChannels : p.channels;
  const float* block = p.blocks + f / kWinogradBlock * block_floats(channels) + f % kWinogradBlock;
  F half[kVectors][kOutputs][kPoints];
  for (int j = 0; j < kPoints; ++j) {
    const float* v = p.points + (tile * channels * kPoints + j) * kDown;
    const float* u = block + j * channels * kPoints * kWinogradBlock;
    F m[kVectors][kPoints];
    for (int i = 0; i < kPoints; ++i) {
      for (int n = 0; n < kVectors; ++n) m[n][i] = v[i] * load(u + i * kWinogradBlock + n * kLanes);
    }
    for (Index c = 1; c < channels; ++c) {
      v += kPoints * kDown;
      u += kPoints * kWinogradBlock;
      for (int i = 0; i < kPoints; ++i) {
        for (int n = 0; n < kVectors; ++n)
          m[n][i] += v[i] * load(u + i * kWinogradBlock + n * kLanes);
      }
    }
    for (int n = 0; n < kVectors; ++n) {
      F o[kOutputs];
      Line<kOutputs>::output(m[n], o);
      for (int i = 0; i < kOutputs; ++i) half[n][i][j] = o[i];
    }
  }
  const F least_value = p.relu ? F{} : splat(-__builtin_inff());
  const Index x = tile * kOutputs, rows = least(kOutputs, p.out_height - p.y),
              columns = least(kOutputs, p.out_width - x);
  for (int n = 0; n < kVectors; ++n) {
    const Index held = n == kVectors - 1 ? count : kLanes;
    const F bias = p.bias == nullptr ? F{} : fetch(p.bias + f + n * kLanes, held);
    for (Index i = 0; i < rows; ++i) {
      F o[kOutputs];
      Line<kOutputs>::output(half[n][i], o);
      for (F& value : o) value = larger(least_value, value + bias);
      float* to = p.out + ((p.y + i) * p.out_width + x) * p.out_channels + f + n * kLanes;
      if (columns == kOutputs && held == kLanes) {
        for (int j = 0; j < kOutputs; ++j) store(to + j * p.out_channels, o[j]);
      } else {
        for (int j = 0; j < kOutputs; ++j) {
          if (j < columns) put(to + j * p.out_channels, o[j], held);
        }
      }
    }
  }
}

template <int kChannels>
TREINO_INLINE void outputs(const WinogradRow& p, Index tiles) {
  for (Index tile = 0; tile < tiles; ++tile) {
    Index f = 0;
    for (; f + 2 * kLanes <= p.out_channels; f += 2 * kLanes)
      outputs<2, kChannels>(p, tile, f, kLanes);
    for (; f < p.out_channels; f += kLanes)
      outputs<1, kChannels>(p, tile, f, least(kLanes, p.out_channels - f));
  }
}

// The row's description is copied: a store might change the original, for all the compiler knows.
void narrow_row(const WinogradRow& row) {
  const WinogradRow p = row;
  const Index tiles = (p.out_width + kOutputs - 1) / kOutputs;
  all_points_down(p, tiles * kOutputs + 2);
  points_across(p, tiles);
  if (p.channels == 3)
    outputs<3>(p, tiles);
  else
    outputs<0>(p, tiles);
}

}  // namespace

void add_winograd_narrow(Kernels& kernels) {
  kernels.winograd_row = narrow_row;
}

}  // namespace treino::cpu::TREINO_ISA
