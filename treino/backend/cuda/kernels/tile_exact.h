// SPDX-License-Identifier: Apache-2.0
// Products in f32, a multiplication and an addition at a time.
#pragma once

#include "treino/backend/cuda/kernels/tile.h"

namespace treino::cuda {

struct Exact {
  template <int kRows, int kColumns>
  struct Tile {
    static constexpr int kDepth = 16;
    // Results of a thread: 4 x 4 of a large tile, 2 x 2 of a small one.
    static constexpr int kSide = kRows * kColumns >= 16 * kThreads ? 4 : 2;
    static constexpr int kEach = kSide * kSide, kRun = kSide;
    static constexpr int kAcross = kColumns / kSide;  // threads along a row of the tile
    static_assert(kRows * kColumns == kEach * kThreads);

    template <int kVector>
    static constexpr int kBlocks = kVector == 4 || kSide == 2 ? 0
                                   : kRows == 64              ? 3
                                                              : 2;

    template <int kWide>
    struct Side {
      alignas(16) float value[kDepth][kWide + 4];
    };

    template <int kWide, int kVector>
    TREINO_HOST_DEVICE static Cell fetched(int thread, int j, bool along_k) {
      const int number = thread + j * kThreads;
      return {along_k ? number / (kDepth / kVector) : number % (kWide / kVector) * kVector,
              along_k ? number % (kDepth / kVector) * kVector : number / (kWide / kVector)};
    }

    template <int kWide, int kVector>
    TREINO_HOST_DEVICE static void put(
        int thread, const float (&values)[Share<kWide, kDepth, kVector>::kEach][kVector],
        Side<kWide>& side, bool along_k) {
      using Mine = Share<kWide, kDepth, kVector>;
#pragma unroll
      for (int j = 0; j < Mine::kEach; ++j) {
        if (Mine::has(thread, j))
          place(values[j], side, fetched<kWide, kVector>(thread, j, along_k), along_k);
      }
    }

    TREINO_HOST_DEVICE static void multiply(int thread, float (&sums)[kEach],
                                            const Side<kRows>& left, const Side<kColumns>& right) {
#pragma unroll
      for (int k = 0; k < kDepth; ++k) {
        const auto a = neighbours_at<kSide>(&left.value[k][thread / kAcross * kSide]);
        const auto b = neighbours_at<kSide>(&right.value[k][thread % kAcross * kSide]);
#pragma unroll
        for (int i = 0; i < kSide; ++i) {
#pragma unroll
          for (int j = 0; j < kSide; ++j) sums[i * kSide + j] += a.value[i] * b.value[j];
        }
      }
    }

    TREINO_HOST_DEVICE static Spot first_result(int thread) {
      return {thread / kAcross * kSide, thread % kAcross * kSide};
    }
    TREINO_HOST_DEVICE static Spot result(int i) {
      return {i / kSide, i % kSide};
    }

   private:
    template <int kWide, int kVector>
    TREINO_HOST_DEVICE static void place(const float (&values)[kVector], Side<kWide>& side,
                                         const Cell& cell, bool along_k) {
      if constexpr (kVector == 4) {
        if (!along_k) {
          return put_neighbours<4>(&side.value[cell.k][cell.across],
                                   {values[0], values[1], values[2], values[3]});
        }
      }
#pragma unroll
      for (int v = 0; v < kVector; ++v)
        side.value[cell.k + (along_k ? v : 0)][cell.across + (along_k ? 0 : v)] = values[v];
    }
  };
};

}  // namespace treino::cuda
