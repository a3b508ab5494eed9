// SPDX-License-Identifier: Apache-2.0
// Products by tensor cores: numbers are rounded on their way into shared memory and stand there as
// words (tensor_cores.h), 16 or 32 of a row or column in a slice. Each of a block's 8 warps makes
// 32 rows of the tile, of some of its columns.
#pragma once

#include "treino/backend/cuda/kernels/tensor_cores.h"
#include "treino/backend/cuda/kernels/tile.h"

namespace treino::cuda {

using Quad = Neighbours<4, Word>;

// Rows (or columns) of a slice, 16 words of all, then the next 16; a quad left out behind each four
// rows, so that threads that write or read at once meet in no bank of the memory: the quads of two
// neighbouring rows, and quad q of eight rows that are four apart, stand in eight different places
// of 128 bytes.
template <int kWide, int kParts = 1>
struct QuadSide {
  static constexpr int kQuads = 4;  // of a row of a part
  static constexpr int kPart = kWide / 4 * (4 * kQuads + 1) * 4;
  alignas(16) Word words[kParts * kPart];

  TREINO_HOST_DEVICE static int place(int row, int word) {
    return word / 16 * kPart + (row / 4 * (4 * kQuads + 1) + row % 4 * kQuads) * 4 + word % 16;
  }
};

template <typename Words>
struct TensorCores {
  // Slices of twice 16 words where shared memory and a thread's registers have room for them.
  template <int kRows, int kColumns, int kBy = 4>
  struct Tile {
    static constexpr int kPack = Words::kPack, kWords = 16;  // of a part
    static constexpr int kParts = kRows == 64 && kBy == 4 && kPack == 1 ? 2 : 1;
    static constexpr int kDepth = kParts * kWords * kPack;
    // Warps: of 32 rows each down the tile, and so many columns along it; in those the matrices C
    // of the instruction.
    static constexpr int kWarpsAcross = kThreads / 32 / (kRows / 32);
    static constexpr int kWarpColumns = kColumns / kWarpsAcross;
    static constexpr int kDown = 2, kAcross = kWarpColumns / 8;
    static constexpr int kEach = kDown * kAcross * 4, kSums = kEach, kGroups = 1, kRun = 2;
    struct Left {};
    static_assert(kRows * kColumns == kEach * kThreads);

    // Of a multiprocessor: as many as the sums and what is on its way leave registers for.
    static constexpr int kBlocks = kEach > 32 ? 1 : 2;

    template <int kWide>
    using Side = QuadSide<kWide, kParts>;

    // What stands in neighbouring words comes from neighbouring threads; both numbers of a word
    // come from one. Across: of a warp's threads eight beside each other, of each four words.
    template <int kWide, int kVector>
    TREINO_HOST_DEVICE static Cell fetched(int thread, int j, bool along_k) {
      if (along_k && kVector == 4) {
        constexpr int kQuads = kWords * kPack / kVector;  // of a row of a part
        const int number = thread + j * kThreads, row = number / kQuads;
        return {row_of<kWide>(row), (part_of<kWide>(row) * kQuads + number % kQuads) * kVector};
      }
      const int number = thread + j / kPack * kThreads, which = j % kPack;
      if (along_k) {
        const int row = number / kWords;
        return {row_of<kWide>(row),
                (part_of<kWide>(row) * kWords + number % kWords) * kPack + which};
      }
      constexpr int kEights = kWide / kVector / 8;
      const int word = number / 8 % 4 + number / 32 / kEights * 4;
      return {(number % 8 + number / 32 % kEights * 8) * kVector, word * kPack + which};
    }

    template <int kWide, int kVector>
    TREINO_HOST_DEVICE static void put(
        int thread, const float (&values)[Share<kWide, kDepth, kVector>::kEach][kVector],
        Side<kWide>& side, bool along_k) {
      using Mine = Share<kWide, kDepth, kVector>;
      static_assert(Mine::kGroups % (kThreads * kPack) == 0);
      if constexpr (kVector == 4) {
        if (along_k) {
#pragma unroll
          for (int j = 0; j < Mine::kEach; ++j)
            put_row(values[j], side, fetched<kWide, kVector>(thread, j, along_k));
          return;
        }
      }
#pragma unroll
      for (int j = 0; j < Mine::kEach; j += kPack) {
        const Cell cell = fetched<kWide, kVector>(thread, j, along_k);
        const int word = cell.k / kPack;
#pragma unroll
        for (int v = 0; v < kVector; ++v) {
          Word& to = side.words[Side<kWide>::place(cell.across + v, word)];
          if constexpr (kPack == 1)
            to = Words::word(values[j][v]);
          else
            to = Words::word(values[j][v], values[j + 1][v]);
        }
      }
    }

    // A thread reads a whole quad of a row, for two instructions. These add up the same products
    // whichever words they are told to be neighbours, if it is said of both sides alike.
    TREINO_HOST_DEVICE static void multiply(int thread, float (&sums)[kEach],
                                            const Side<kRows>& left, const Side<kColumns>& right) {
      const int lane = thread % 32, row = first_row(thread), column = first_column(thread);
#ifdef __CUDA_ARCH__
#pragma unroll
#endif
      for (int word = 0; word < kParts * kWords; word += kWords) {
#ifdef __CUDA_ARCH__
        Held<1> columns[kAcross];
#pragma unroll
        for (int j = 0; j < kAcross; ++j) columns[j] = held<1>(right, column + j * 8, word, lane);
#pragma unroll
        for (int i = 0; i < kDown; ++i) {
          const Held<2> rows = held<2>(left, row + i * 16, word, lane);
#pragma unroll
          for (int step = 0; step < 2; ++step) {
            const Word a[4] = {rows.at(step, 0), rows.at(step, 1), rows.at(step, 2),
                               rows.at(step, 3)};
#pragma unroll
            for (int j = 0; j < kAcross; ++j) {
              const Word b[2] = {columns[j].at(step, 0), columns[j].at(step, 1)};
              Words::multiply(a, b, sums + (i * kAcross + j) * 4);
            }
          }
        }
#else
        for (int i = 0; i < kDown * kAcross; ++i) {
          for (int step = 0; step < 2; ++step) {
            const auto a = [&](int other, int r) {
              return held<2>(left, row + i / kAcross * 16, word, other).at(step, r);
            };
            const auto b = [&](int other, int r) {
              return held<1>(right, column + i % kAcross * 8, word, other).at(step, r);
            };
            add_products<Words>(lane, a, b, sums + i * 4);
          }
        }
#endif
      }
    }

    TREINO_HOST_DEVICE static Spot first_result(int thread) {
      const Spot first = first_result_of_lane(thread % 32);
      return {first_row(thread) + first.row, first_column(thread) + first.column};
    }
    TREINO_HOST_DEVICE static Spot result(int i) {
      const Spot next = result_of_lane(i % 4);
      return {i / 4 / kAcross * 16 + next.row, i / 4 % kAcross * 8 + next.column};
    }

   private:
    // Rows are counted on in the next part of a slice, where there is one.
    template <int kWide>
    TREINO_HOST_DEVICE static int row_of(int row) {
      return kParts == 1 ? row : row % kWide;
    }
    template <int kWide>
    TREINO_HOST_DEVICE static int part_of(int row) {
      return kParts == 1 ? 0 : row / kWide;
    }

    TREINO_HOST_DEVICE static int first_row(int thread) {
      return thread / 32 / kWarpsAcross * 32;
    }
    TREINO_HOST_DEVICE static int first_column(int thread) {
      return thread / 32 % kWarpsAcross * kWarpColumns;
    }

    // What a thread holds of one side for two instructions, of 8 or 16 rows: its number r of each.
    template <int kEights>
    struct Held {
      Quad quads[kEights];
      TREINO_HOST_DEVICE Word at(int step, int r) const {
        return quads[r % kEights].value[step * 2 + r / kEights];
      }
    };
    template <int kEights, typename AnySide>
    TREINO_HOST_DEVICE static Held<kEights> held(const AnySide& side, int row, int word, int lane) {
      Held<kEights> result;
#pragma unroll
      for (int i = 0; i < kEights; ++i)
        result.quads[i] =
            neighbours_at<4>(side.words + side.place(row + lane / 4 + i * 8, word + lane % 4 * 4));
      return result;
    }

    template <int kWide>
    TREINO_HOST_DEVICE static void put_row(const float (&values)[4], Side<kWide>& side,
                                           const Cell& cell) {
      Word* to = side.words + Side<kWide>::place(cell.across, cell.k / kPack);
      if constexpr (kPack == 1) {
        put_neighbours<4>(to, {Words::word(values[0]), Words::word(values[1]),
                               Words::word(values[2]), Words::word(values[3])});
      } else {
        put_neighbours<2>(to,
                          {Words::word(values[0], values[1]), Words::word(values[2], values[3])});
      }
    }
  };
};

using Tf32 = TensorCores<Tf32Words>;
using Bf16 = TensorCores<Bf16Words>;

}  // namespace treino::cuda
