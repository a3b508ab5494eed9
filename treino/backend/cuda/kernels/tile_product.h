// SPDX-License-Identifier: Apache-2.0
// Sums of products, a tile of results a block: out[row][column] = sum over k of left(row, k) *
// right(k, column). What left and right are is said by `Operands` (operands.h). A long sum is cut
// into chunks, a block each; the block that is done last adds them in their order, eight at a time
// where there are many, so that the result does not depend on which one that is.
#pragma once

#include "treino/backend/cuda/kernels/operands.h"
#include "treino/backend/cuda/kernels/product.h"

namespace treino::cuda {

inline constexpr int kDepth = 16;  // of k at a time

// Chunks of a tile that one block adds; where there are more it is done in two levels.
inline constexpr int kGroup = 8, kMostAtOnce = 12;
TREINO_HOST_DEVICE int groups_of(int chunks) {
  return chunks > kMostAtOnce ? (chunks + kGroup - 1) / kGroup : 0;
}

template <typename Operands, int kRows, int kColumns>
struct TileProduct {
  static constexpr int kTileRows = kRows, kTileColumns = kColumns;
  // Results of a thread: 4 x 4 of a large tile, 2 x 2 of a small one.
  static constexpr int kSide = kRows * kColumns >= 16 * kThreads ? 4 : 2;
  static constexpr int kAcross = kColumns / kSide;  // threads along a row of the tile
  static_assert(kRows * kColumns == kSide * kSide * kThreads);
  // A thread fetches groups of neighbours along k, or along rows and columns.
  static constexpr int kVector = Operands::kVector;
  static constexpr int kLeftGroups = kRows * kDepth / kVector;
  static constexpr int kRightGroups = kColumns * kDepth / kVector;
  static constexpr int kLeftEach = (kLeftGroups + kThreads - 1) / kThreads;
  static constexpr int kRightEach = (kRightGroups + kThreads - 1) / kThreads;

  Operands operands;
  float* out;
  float* partial;      // [block][result of a thread][thread], where there are chunks
  unsigned* counters;  // zero; one a tile, then one a group of chunks
  Epilogue epilogue;
  int column_tiles, chunks;

  struct Shared {
    alignas(16) float left[2][kDepth][kRows + 4];
    alignas(16) float right[2][kDepth][kColumns + 4];
  };
  struct Thread {
    float sum[kSide][kSide];
    typename Operands::Row rows[kLeftEach];
    typename Operands::Column columns[kRightEach];
    float left[kLeftEach][kVector], right[kRightEach][kVector];
  };

  template <typename Team>
  TREINO_HOST_DEVICE void tile(Index block, Team& team) const {
    const int chunk = static_cast<int>(block % chunks), number = static_cast<int>(block / chunks);
    const int row = number / column_tiles * kRows, column = number % column_tiles * kColumns;
    const int slices = (operands.inner + kDepth - 1) / kDepth;
    const int first = static_cast<int>(Index{slices} * chunk / chunks);
    const int last = static_cast<int>(Index{slices} * (chunk + 1) / chunks);
    team.each([&](int thread, Thread& own) {
#pragma unroll
      for (int i = 0; i < kSide; ++i) {
#pragma unroll
        for (int j = 0; j < kSide; ++j) own.sum[i][j] = 0;
      }
      start(thread, own, row, column);
      fetch(thread, own, first * kDepth);
      put(thread, own, team.shared, 0);
    });
    for (int slice = first; slice < last; ++slice) {
      const int now = (slice - first) % 2;
      team.each([&](int thread, Thread& own) {
        if (slice + 1 < last) fetch(thread, own, (slice + 1) * kDepth);
        multiply(thread, own, team.shared, now);
        if (slice + 1 < last) put(thread, own, team.shared, 1 - now);
      });
    }
    if (chunks == 1) {
      team.each([&](int thread, Thread& own) { finish(thread, own, row, column); });
      return;
    }
    float* parts = partial + Index{number} * chunks * kPart;
    unsigned* counter = counters + number * (1 + groups_of(chunks));
    team.each([&](int thread, Thread& own) {
      float* to = parts + chunk * kPart + thread;
#pragma unroll
      for (int i = 0; i < kEach; ++i) to[i * kThreads] = own.sum[i / kSide][i % kSide];
    });
    int left = chunks, stride = kPart;
    if (groups_of(chunks) > 0) {
      const int group = chunk / kGroup, begin = group * kGroup;
      const int members = chunks - begin < kGroup ? chunks - begin : kGroup;
      if (!team.is_last(counter + 1 + group, static_cast<unsigned>(members))) return;
      team.each([&](int thread, Thread& own) {
        float* first = parts + begin * kPart + thread;
        add(own, first, members, kPart);
#pragma unroll
        for (int i = 0; i < kEach; ++i) first[i * kThreads] = own.sum[i / kSide][i % kSide];
      });
      left = groups_of(chunks);
      stride = kGroup * kPart;
    }
    if (!team.is_last(counter, static_cast<unsigned>(left))) return;
    team.each([&](int thread, Thread& own) {
      add(own, parts + thread, left, stride);
      finish(thread, own, row, column);
    });
  }

 private:
  static constexpr int kEach = kSide * kSide, kPart = kRows * kColumns;

  // The sum of so many parts, in order; 32 are on their way at once.
  TREINO_HOST_DEVICE static void add(Thread& own, const float* from, int parts, int stride) {
#pragma unroll
    for (int i = 0; i < kEach; ++i) own.sum[i / kSide][i % kSide] = 0;
#pragma unroll 32 / kEach
    for (int part = 0; part < parts; ++part) {
#pragma unroll
      for (int i = 0; i < kEach; ++i)
        own.sum[i / kSide][i % kSide] += from[Index{part} * stride + i * kThreads];
    }
  }

  // Group `number` of a side: its row or column and its k in the tile, neighbours along the one or
  // the other.
  TREINO_HOST_DEVICE static int number_of(int thread, int j) {
    return thread + j * kThreads;
  }
  template <int kWide>
  TREINO_HOST_DEVICE static int across(int number, bool along_k) {
    return along_k ? number / (kDepth / kVector) : number % (kWide / kVector) * kVector;
  }
  template <int kWide>
  TREINO_HOST_DEVICE static int depth(int number, bool along_k) {
    return along_k ? number % (kDepth / kVector) * kVector : number / (kWide / kVector);
  }

  TREINO_HOST_DEVICE void start(int thread, Thread& own, int row, int column) const {
#pragma unroll
    for (int j = 0; j < kLeftEach; ++j)
      own.rows[j] =
          operands.row(row + across<kRows>(number_of(thread, j), operands.left_along_k()));
#pragma unroll
    for (int j = 0; j < kRightEach; ++j)
      own.columns[j] = operands.column(
          column + across<kColumns>(number_of(thread, j), operands.right_along_k()));
  }

  TREINO_HOST_DEVICE void fetch(int thread, Thread& own, int k) const {
#pragma unroll
    for (int j = 0; j < kLeftEach; ++j) {
      const int number = number_of(thread, j);
      if (kLeftGroups % kThreads == 0 || number < kLeftGroups)
        operands.left(own.rows[j], k + depth<kRows>(number, operands.left_along_k()), own.left[j]);
    }
#pragma unroll
    for (int j = 0; j < kRightEach; ++j) {
      const int number = number_of(thread, j);
      if (kRightGroups % kThreads == 0 || number < kRightGroups)
        operands.right(own.columns[j], k + depth<kColumns>(number, operands.right_along_k()),
                       own.right[j]);
    }
  }

  TREINO_HOST_DEVICE void put(int thread, Thread& own, Shared& shared, int buffer) const {
#pragma unroll
    for (int j = 0; j < kLeftEach; ++j) {
      const int number = number_of(thread, j);
      if (kLeftGroups % kThreads != 0 && number >= kLeftGroups) continue;
      place(own.left[j], shared.left[buffer], depth<kRows>(number, operands.left_along_k()),
            across<kRows>(number, operands.left_along_k()), operands.left_along_k());
    }
#pragma unroll
    for (int j = 0; j < kRightEach; ++j) {
      const int number = number_of(thread, j);
      if (kRightGroups % kThreads != 0 && number >= kRightGroups) continue;
      place(own.right[j], shared.right[buffer], depth<kColumns>(number, operands.right_along_k()),
            across<kColumns>(number, operands.right_along_k()), operands.right_along_k());
    }
  }

  template <int kWidth>
  TREINO_HOST_DEVICE static void place(const float (&values)[kVector],
                                       float (&slice)[kDepth][kWidth], int k, int at,
                                       bool along_k) {
    if constexpr (kVector == 4) {
      if (!along_k)
        return put_neighbours<4>(&slice[k][at], {values[0], values[1], values[2], values[3]});
    }
#pragma unroll
    for (int v = 0; v < kVector; ++v)
      slice[k + (along_k ? v : 0)][at + (along_k ? 0 : v)] = values[v];
  }

  TREINO_HOST_DEVICE void multiply(int thread, Thread& own, const Shared& shared,
                                   int buffer) const {
#pragma unroll
    for (int k = 0; k < kDepth; ++k) {
      const auto a = neighbours_at<kSide>(&shared.left[buffer][k][thread / kAcross * kSide]);
      const auto b = neighbours_at<kSide>(&shared.right[buffer][k][thread % kAcross * kSide]);
#pragma unroll
      for (int i = 0; i < kSide; ++i) {
#pragma unroll
        for (int j = 0; j < kSide; ++j) own.sum[i][j] += a.value[i] * b.value[j];
      }
    }
  }

  TREINO_HOST_DEVICE void finish(int thread, const Thread& own, int row, int column) const {
    row += thread / kAcross * kSide;
    column += thread % kAcross * kSide;
#pragma unroll
    for (int i = 0; i < kSide; ++i) {
#pragma unroll
      for (int j = 0; j < kSide; ++j) {
        if (row + i >= operands.rows || column + j >= operands.columns) continue;
        const Index at = Index{row + i} * operands.columns + column + j;
        out[at] = epilogue(own.sum[i][j], at, column + j);
      }
    }
    if (!epilogue.updates()) return;
#pragma unroll 1
    for (int k = 0; k < kSide * kSide; ++k) {
      const int i = row + k / kSide, j = column + k % kSide;
      if (i < operands.rows && j < operands.columns) epilogue.adam(Index{i} * operands.columns + j);
    }
  }
};

}  // namespace treino::cuda
