// SPDX-License-Identifier: Apache-2.0
// Sums of products where there are few results: a block makes 8 x 8 of them, and its threads divide
// the sum among themselves, each reading what it multiplies straight from memory. What they found
// is added in the block, always in the same order.
#pragma once

#include "treino/backend/cuda/kernels/epilogue.h"
#include "treino/backend/cuda/kernels/operands.h"
#include "treino/backend/cuda/kernels/rounding.h"
#include "treino/backend/cuda/kernels/tile.h"

namespace treino::cuda {

template <typename Operands, typename Rounding = Unrounded>
struct ThinProduct {
  static constexpr int kTileRows = 8, kTileColumns = 8;
  // A thread adds up 4 x 4 results, in one of 64 groups of which each takes some k.
  static constexpr int kSide = 4, kEach = kSide * kSide;
  static constexpr int kPlaces = kTileRows * kTileColumns / kEach, kGroups = kThreads / kPlaces;
  static constexpr int kResults = kTileRows * kTileColumns;
  static constexpr int kVector = Operands::kVector;
  // Of k in all groups at once.
  static constexpr int kDepth = kGroups * kVector;

  Operands operands;
  float* out;
  Epilogue epilogue;
  int column_tiles;

  struct Shared {
    // Of a thread's result so many, so far apart that threads which read at once meet in no bank.
    static constexpr int kStride = kThreads + kPlaces;
    float sums[kEach][kStride];
    float quarters[kThreads];
  };
  struct Thread {
    float sums[kEach];
    Epilogue::Needs needs;  // of the result that this thread ends
  };

  template <typename Team>
  TREINO_HOST_DEVICE void tile(Index block, Team& team) const {
    const int row = static_cast<int>(block) / column_tiles * kTileRows;
    const int column = static_cast<int>(block) % column_tiles * kTileColumns;
    team.each([&](int thread, Thread& own) {
      const int place = thread % kPlaces;
      const Spot first{row + place / 2 * kSide, column + place % 2 * kSide};
      const int k = thread / kPlaces * kVector;
      if (const End end = end_of(thread, row, column); end.inside)
        own.needs = epilogue.needs(end.at, end.column);
#pragma unroll
      for (float& sum : own.sums) sum = 0;
      if (kVector == 1 || (operands.left_along_k() && operands.right_along_k()))
        add<true, true>(own, first, k);
      else if (operands.left_along_k())
        add<true, false>(own, first, k);
      else if (operands.right_along_k())
        add<false, true>(own, first, k);
      else
        add<false, false>(own, first, k);
#pragma unroll
      for (int i = 0; i < kEach; ++i) team.shared.sums[i][thread] = own.sums[i];
    });
    team.each([&](int thread, Thread&) {
      constexpr int kQuarter = kGroups * kResults / kThreads;
      const int result = thread % kResults;
      const float* from = &team.shared.sums[result / kPlaces][result % kPlaces] +
                          thread / kResults * kQuarter * kPlaces;
      float sum = 0;
#pragma unroll
      for (int g = 0; g < kQuarter; ++g) sum += from[g * kPlaces];
      team.shared.quarters[thread] = sum;
    });
    team.each([&](int thread, Thread& own) {
      const End end = end_of(thread, row, column);
      if (!end.inside) return;
      float sum = 0;
#pragma unroll
      for (int q = 0; q < kThreads / kResults; ++q)
        sum += team.shared.quarters[q * kResults + thread];
      epilogue.end(sum, own.needs, out, end.at);
    });
  }

 private:
  // The result that a thread ends.
  struct End {
    bool inside;
    int column;
    Index at;
  };
  TREINO_HOST_DEVICE End end_of(int thread, int row, int column) const {
    const int place = thread % kPlaces, number = thread / kPlaces;
    const int i = row + place / 2 * kSide + number / kSide;
    const int j = column + place % 2 * kSide + number % kSide;
    return {thread < kResults && i < operands.rows && j < operands.columns, j,
            Index{i} * operands.columns + j};
  }

  // What stands at `first` of the rows (or columns), by so many k: [neighbour][k].
  template <bool kAlongK, typename Edge, typename Read>
  TREINO_HOST_DEVICE static void take(const Edge (&edges)[kSide], int k, Read&& read,
                                      float (&to)[kSide][kVector]) {
    if constexpr (kAlongK || kVector == 1) {
#pragma unroll
      for (int i = 0; i < kSide; ++i) read(edges[i], k, to[i]);
    } else {
#pragma unroll
      for (int v = 0; v < kVector; ++v) {
        float some[kVector];
        read(edges[0], k + v, some);
#pragma unroll
        for (int i = 0; i < kSide; ++i) to[i][v] = some[i];
      }
    }
#pragma unroll
    for (int i = 0; i < kSide; ++i) {
#pragma unroll
      for (float& value : to[i]) value = Rounding::round(value);
    }
  }

  template <bool kLeftAlongK, bool kRightAlongK>
  TREINO_HOST_DEVICE void add(Thread& own, const Spot& first, int begin) const {
    typename Operands::Row rows[kSide];
    typename Operands::Column columns[kSide];
#pragma unroll
    for (int i = 0; i < kSide; ++i) {
      rows[i] = operands.row(first.row + i);
      columns[i] = operands.column(first.column + i);
    }
#pragma unroll 2
    for (int k = begin; k < operands.inner; k += kDepth) {
      float left[kSide][kVector], right[kSide][kVector];
      take<kLeftAlongK>(
          rows, k,
          [&](const auto& row, int at, float(&to)[kVector]) { operands.left(row, at, to); }, left);
      take<kRightAlongK>(
          columns, k,
          [&](const auto& column, int at, float(&to)[kVector]) { operands.right(column, at, to); },
          right);
#pragma unroll
      for (int v = 0; v < kVector; ++v) {
#pragma unroll
        for (int i = 0; i < kSide; ++i) {
#pragma unroll
          for (int j = 0; j < kSide; ++j) own.sums[i * kSide + j] += left[i][v] * right[j][v];
        }
      }
    }
  }
};

}  // namespace treino::cuda
