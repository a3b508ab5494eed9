// SPDX-License-Identifier: Apache-2.0
// Sums of products, a tile of results a block: out[row][column] = sum over k of left(row, k) *
// right(k, column). What left and right are is said by `Operands` (operands.h). A long sum is cut
// into chunks, a block each; the block that is done last adds them in their order, eight at a time
// where there are many, so that the result does not depend on which one that is.
#pragma once

#include "treino/backend/cuda/kernels/epilogue.h"
#include "treino/backend/cuda/kernels/operands.h"
#include "treino/backend/cuda/kernels/tile_exact.h"
#include "treino/backend/cuda/kernels/tile_tensor.h"

namespace treino::cuda {

// Chunks of a tile that one block adds; where there are more it is done in two levels.
inline constexpr int kGroup = 8, kMostAtOnce = 12;
TREINO_HOST_DEVICE int groups_of(int chunks) {
  return chunks > kMostAtOnce ? (chunks + kGroup - 1) / kGroup : 0;
}

template <typename Operands, int kRows, int kColumns, typename Arithmetic = Exact>
struct TileProduct {
  // A thread fetches groups of neighbours along k, or along rows and columns.
  static constexpr int kLeftVector = Operands::kLeftVector, kRightVector = Operands::kRightVector;
  using Tile = typename Arithmetic::template Tile<kRows, kColumns, kLeftVector>;
  static constexpr int kTileRows = kRows, kTileColumns = kColumns, kDepth = Tile::kDepth;
  static constexpr int kBlocks = Tile::kBlocks;
  using LeftShare = Share<kRows, kDepth, kLeftVector>;
  using RightShare = Share<kColumns, kDepth, kRightVector>;

  Operands operands;
  float* out;
  float* partial;      // [block][result of a thread][thread], where there are chunks
  unsigned* counters;  // zero; one a tile, then one a group of chunks
  Epilogue epilogue;
  int column_tiles, chunks;

  struct Slices {
    typename Tile::template Side<kRows> left[2];
    typename Tile::template Side<kColumns> right[2];
  };
  union Shared {
    Slices slices;
    typename Tile::Left sums;  // when all slices are done
  };
  struct Thread {
    float sums[Tile::kSums];
    typename Operands::Row rows[LeftShare::kEach];
    typename Operands::Column columns[RightShare::kEach];
    float left[LeftShare::kEach][kLeftVector], right[RightShare::kEach][kRightVector];
  };

  template <typename Team>
  TREINO_HOST_DEVICE void tile(Index block, Team& team) const {
    const int chunk = static_cast<int>(block % chunks), number = static_cast<int>(block / chunks);
    const int slices = (operands.inner + kDepth - 1) / kDepth;
    const int first = static_cast<int>(Index{slices} * chunk / chunks);
    const int last = static_cast<int>(Index{slices} * (chunk + 1) / chunks);
    team.each([&](int thread, Thread& own) {
#pragma unroll
      for (int i = 0; i < Tile::kSums; ++i) own.sums[i] = 0;
      start(thread, own, number / column_tiles * kRows, number % column_tiles * kColumns);
      fetch(thread, own, first * kDepth);
      put(thread, own, team.shared.slices, 0);
    });
    for (int slice = first; slice < last; ++slice) {
      const int now = (slice - first) % 2;
      team.each([&](int thread, Thread& own) {
        if (slice + 1 < last) fetch(thread, own, (slice + 1) * kDepth);
        Tile::multiply(thread, own.sums, team.shared.slices.left[now],
                       team.shared.slices.right[now]);
        if (slice + 1 < last) put(thread, own, team.shared.slices, 1 - now);
      });
    }
    if constexpr (Tile::kGroups > 1) {
      team.each([&](int thread, Thread& own) { Tile::leave(thread, own.sums, team.shared.sums); });
      team.each(
          [&](int thread, Thread& own) { Tile::collect(thread, own.sums, team.shared.sums); });
    }
    if (chunks == 1) {
      team.each([&](int thread, Thread& own) { finish(thread, own, number); });
      return;
    }
    float* parts = partial + Index{number} * chunks * kPart;
    unsigned* counter = counters + number * (1 + groups_of(chunks));
    team.each([&](int thread, Thread& own) { write(own, parts + chunk * kPart + thread * 4); });
    int left = chunks, stride = kPart;
    if (groups_of(chunks) > 0) {
      const int group = chunk / kGroup, begin = group * kGroup;
      const int members = chunks - begin < kGroup ? chunks - begin : kGroup;
      if (!team.is_last(counter + 1 + group, static_cast<unsigned>(members))) return;
      team.each([&](int thread, Thread& own) {
        float* first = parts + begin * kPart + thread * 4;
        add(own, first, members, kPart);
        write(own, first);
      });
      left = groups_of(chunks);
      stride = kGroup * kPart;
    }
    if (!team.is_last(counter, static_cast<unsigned>(left))) return;
    team.each([&](int thread, Thread& own) {
      add(own, parts + thread * 4, left, stride);
      finish(thread, own, number);
    });
  }

 private:
  static constexpr int kEach = Tile::kEach, kPart = kRows * kColumns;

  TREINO_HOST_DEVICE static void write(const Thread& own, float* to) {
#pragma unroll
    for (int i = 0; i < kEach; i += 4) {
      put_neighbours<4>(to + i * kThreads,
                        {own.sums[i], own.sums[i + 1], own.sums[i + 2], own.sums[i + 3]});
    }
  }

  // The sum of so many parts, in order; 32 numbers are on their way at once.
  TREINO_HOST_DEVICE static void add(Thread& own, const float* from, int parts, int stride) {
    constexpr int kPartsAtOnce = kEach < 32 ? 32 / kEach : 1;
#pragma unroll
    for (int i = 0; i < kEach; ++i) own.sums[i] = 0;
#pragma unroll 1
    for (int first = 0; first < parts; first += kPartsAtOnce) {
      Neighbours<4> got[kPartsAtOnce][kEach / 4] = {};
#pragma unroll
      for (int part = 0; part < kPartsAtOnce; ++part) {
        if (first + part < parts) {
#pragma unroll
          for (int i = 0; i < kEach; i += 4)
            got[part][i / 4] = neighbours_at<4>(from + i * kThreads);
        }
        from += stride;
      }
#pragma unroll
      for (int part = 0; part < kPartsAtOnce; ++part) {
#pragma unroll
        for (int i = 0; i < kEach; ++i) own.sums[i] += got[part][i / 4].value[i % 4];
      }
    }
  }

  TREINO_HOST_DEVICE Cell left_cell(int thread, int j) const {
    return Tile::template fetched<kRows, kLeftVector>(thread, j, operands.left_along_k());
  }
  TREINO_HOST_DEVICE Cell right_cell(int thread, int j) const {
    return Tile::template fetched<kColumns, kRightVector>(thread, j, operands.right_along_k());
  }

  TREINO_HOST_DEVICE void start(int thread, Thread& own, int row, int column) const {
#pragma unroll
    for (int j = 0; j < LeftShare::kEach; ++j)
      own.rows[j] = operands.row(row + left_cell(thread, j).across);
#pragma unroll
    for (int j = 0; j < RightShare::kEach; ++j)
      own.columns[j] = operands.column(column + right_cell(thread, j).across);
  }

  TREINO_HOST_DEVICE void fetch(int thread, Thread& own, int k) const {
#pragma unroll
    for (int j = 0; j < LeftShare::kEach; ++j) {
      if (LeftShare::has(thread, j))
        operands.left(own.rows[j], k + left_cell(thread, j).k, own.left[j]);
    }
#pragma unroll
    for (int j = 0; j < RightShare::kEach; ++j) {
      if (RightShare::has(thread, j))
        operands.right(own.columns[j], k + right_cell(thread, j).k, own.right[j]);
    }
  }

  TREINO_HOST_DEVICE void put(int thread, const Thread& own, Slices& slices, int buffer) const {
    Tile::template put<kRows, kLeftVector>(thread, own.left, slices.left[buffer],
                                           operands.left_along_k());
    Tile::template put<kColumns, kRightVector>(thread, own.right, slices.right[buffer],
                                               operands.right_along_k());
  }

  TREINO_HOST_DEVICE void finish(int thread, const Thread& own, int number) const {
    const Spot first = Tile::first_result(thread);
    const int row = number / column_tiles * kRows + first.row;
    const int column = number % column_tiles * kColumns + first.column;
    // Neighbours that are read at once: so are the results written.
    constexpr bool kWhole = kRightVector % Tile::kRun == 0;
    const auto run_of = [&](int run) {
      const Spot next = Tile::result(run * Tile::kRun);
      const int i = row + next.row, j = column + next.column;
      return Run{i * operands.columns + j, i < operands.rows ? operands.columns - j : 0};
    };
    float results[kEach];
#pragma unroll
    for (int i = 0; i < kEach; ++i) results[i] = own.sums[i];
    epilogue.template end<kWhole, Operands::kResults, Tile::kRun>(
        results, out, run_of,
        [&](int run) { return column + Tile::result(run * Tile::kRun).column; });
  }
};

}  // namespace treino::cuda
