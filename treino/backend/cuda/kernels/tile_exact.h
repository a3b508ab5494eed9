// SPDX-License-Identifier: Apache-2.0
// Products in f32, a multiplication and an addition at a time. Where a tile has fewer results than
// the block's threads make at once, groups of threads share its k: each makes the whole tile's sums
// of its part of every slice, and these are added in the groups' order at the end.
#pragma once

#include "treino/backend/cuda/kernels/rounding.h"
#include "treino/backend/cuda/kernels/tile.h"

namespace treino::cuda {

// A thread makes kTall x 4 results, of slices of kSlice k; a multiprocessor is to have room for
// kRoom blocks.
template <int kTall, int kSlice, int kRoom, typename Rounding>
struct ExactBy {
  template <int kRows, int kColumns>
  struct Tile {
    static constexpr int kDepth = kSlice;
    static constexpr int kSums = kTall * 4;
    static constexpr int kTeam = kRows * kColumns / kSums;  // threads of a group
    static constexpr int kGroups = kThreads / kTeam;
    static constexpr int kEach = kSums / kGroups, kRun = 4;
    static constexpr int kSteps = kDepth / kGroups;  // of a group in a slice
    static_assert(kTeam * kGroups == kThreads && kTeam % 32 == 0 && kEach % 4 == 0);
    static_assert(kSteps * kGroups == kDepth && kDepth % 8 == 0 && kTall % 4 == 0);

    static constexpr int kBlocks = kRoom;

    // [k][row or column], four left out behind each k: what is four apart in k is 16 banks apart.
    template <int kWide>
    struct Side {
      alignas(16) float value[kDepth][kWide + 4];
    };
    // Sums of all threads, four at a time.
    struct Left {
      Neighbours<4> of[kGroups > 1 ? kSums / 4 : 1][kThreads];
    };

    // A warp's threads bring 16 rows of 8 neighbours along k, or four rows of eight single ones: so
    // they put them in 32 different banks.
    template <int kWide, int kVector>
    TREINO_HOST_DEVICE static Cell fetched(int thread, int j, bool along_k) {
      const int number = thread + j * kThreads;
      if (!along_k) return {number % (kWide / kVector) * kVector, number / (kWide / kVector)};
      constexpr int kAlong = 8 / kVector, kAcross = 32 / kAlong, kEights = kDepth / 8;
      const int lane = number % 32, warp = number / 32;
      return {lane / kAlong + warp / kEights * kAcross,
              (lane % kAlong) * kVector + warp % kEights * 8};
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

    TREINO_HOST_DEVICE static void multiply(int thread, float (&sums)[kSums],
                                            const Side<kRows>& left, const Side<kColumns>& right) {
      const int first = thread / kTeam * kSteps, row = first_row(thread);
      const int column = first_column(thread);
      // What the next k takes is on its way while this one's is used.
      Step steps[2];
      read(steps[0], left, right, first, row, column);
#pragma unroll
      for (int step = 0; step < kSteps; ++step) {
        if (step + 1 < kSteps)
          read(steps[(step + 1) % 2], left, right, first + step + 1, row, column);
        const Step& now = steps[step % 2];
#pragma unroll
        for (int i = 0; i < kSums; ++i)
          sums[i] += now.left[i / 16].value[i / 4 % 4] * now.right.value[i % 4];
      }
    }

    TREINO_HOST_DEVICE static void leave(int thread, const float (&sums)[kSums], Left& left) {
#pragma unroll
      for (int i = 0; i < kSums; i += 4)
        left.of[i / 4][thread] = {sums[i], sums[i + 1], sums[i + 2], sums[i + 3]};
    }
    // The thread's results: of what each group has left for it.
    TREINO_HOST_DEVICE static void collect(int thread, float (&sums)[kSums], const Left& left) {
      const int group = thread / kTeam, mine = thread % kTeam;
#pragma unroll
      for (int i = 0; i < kEach; ++i) sums[i] = 0;
#pragma unroll
      for (int other = 0; other < kGroups; ++other) {
#pragma unroll
        for (int i = 0; i < kEach; i += 4) {
          const auto four = left.of[group * (kEach / 4) + i / 4][other * kTeam + mine];
#pragma unroll
          for (int v = 0; v < 4; ++v) sums[i + v] += four.value[v];
        }
      }
    }

    TREINO_HOST_DEVICE static Spot first_result(int thread) {
      const int line = thread / kTeam * (kEach / 4);
      return {first_row(thread) + line / 4 * 16 + line % 4, first_column(thread)};
    }
    TREINO_HOST_DEVICE static Spot result(int i) {
      return {i / 16 * 16 + i / 4 % 4, i % 4};
    }

   private:
    struct Step {
      Neighbours<4> left[kTall / 4], right;
    };
    TREINO_HOST_DEVICE static void read(Step& step, const Side<kRows>& left,
                                        const Side<kColumns>& right, int k, int row, int column) {
      step.right = neighbours_at<4>(&right.value[k][column]);
#pragma unroll
      for (int i = 0; i < kTall / 4; ++i)
        step.left[i] = neighbours_at<4>(&left.value[k][row + i * 16]);
    }

    // A warp's threads stand 4 x 8; a thread's rows are four neighbours, and those 16 on. Of two or
    // of four threads beside each other two read the same: then the memory answers half a warp's
    // reads of four numbers at once, not a quarter's.
    static constexpr int kWarpsAcross = kColumns / 32;
    TREINO_HOST_DEVICE static int first_row(int thread) {
      const int lane = thread % 32;
      return thread % kTeam / 32 / kWarpsAcross * (4 * kTall) + (lane % 2 + lane / 16 * 2) * 4;
    }
    TREINO_HOST_DEVICE static int first_column(int thread) {
      return thread / 32 % kWarpsAcross * 32 + thread / 2 % 8 * 4;
    }

    template <int kWide, int kVector>
    TREINO_HOST_DEVICE static void place(const float (&values)[kVector], Side<kWide>& side,
                                         const Cell& cell, bool along_k) {
      if constexpr (kVector == 4) {
        if (!along_k) {
          return put_neighbours<4>(&side.value[cell.k][cell.across],
                                   {Rounding::round(values[0]), Rounding::round(values[1]),
                                    Rounding::round(values[2]), Rounding::round(values[3])});
        }
      }
#pragma unroll
      for (int v = 0; v < kVector; ++v) {
        side.value[cell.k + (along_k ? v : 0)][cell.across + (along_k ? 0 : v)] =
            Rounding::round(values[v]);
      }
    }
  };
};

// Asked for room for few blocks, the compiler has registers to read shared memory ahead of its use;
// else it waits for it at every k. A side read one number at a time takes many for its places.
template <typename Rounding, int kRows, int kColumns, int kBy>
struct ExactShape;
template <typename Rounding, int kBy>
struct ExactShape<Rounding, 32, 32, kBy> : ExactBy<4, 32, kBy == 4 ? 3 : 2, Rounding> {};
template <typename Rounding>
struct ExactShape<Rounding, 64, 64, 4> : ExactBy<8, 32, 2, Rounding> {};
template <typename Rounding>
struct ExactShape<Rounding, 64, 64, 1> : ExactBy<4, 16, 3, Rounding> {};
template <typename Rounding, int kBy>
struct ExactShape<Rounding, 128, 32, kBy> : ExactBy<4, 16, 2, Rounding> {};

// Products in f32, of numbers as they are or rounded.
template <typename Rounding>
struct ExactOf {
  template <int kRows, int kColumns, int kBy = 4>
  using Tile = typename ExactShape<Rounding, kRows, kColumns, kBy>::template Tile<kRows, kColumns>;
};
using Exact = ExactOf<Unrounded>;

}  // namespace treino::cuda
