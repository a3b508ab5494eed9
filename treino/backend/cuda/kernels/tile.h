// SPDX-License-Identifier: Apache-2.0
// How the threads of a block share a tile of a product: words for what an arithmetic says of it
// (tile_exact.h, tile_tensor.h). One has
//   Tile<kRows, kColumns, kBy> for a tile of that size, its left side read so many at a time:
//     kDepth                   of k at a time
//     kEach, kSums             results of a thread; sums that it keeps, more where kGroups threads
//                              share a result's k
//     kBlocks                  for how many a multiprocessor must have room
//     Side<kWide>              a slice of the left or right side in shared memory
//     fetched<kWide, kVector>  what a thread brings of it
//     put<kWide, kVector>      puts that there
//     multiply                 adds the products of two slices to a thread's sums
//     Left, leave, collect     of several groups: where each puts its sums, and a thread's results
//     first_result, result     where the first of these stands in the tile; from there, the others
//     kRun                     of which so many follow one another along a row
#pragma once

#include "treino/backend/cuda/kernels/tiled.h"

namespace treino::cuda {

// Of a slice: the row or column, and k.
struct Cell {
  int across, k;
};

// Of a tile.
struct Spot {
  int row, column;
};

// A thread brings kEach groups of kVector neighbours of one side of a slice, along k or across.
template <int kWide, int kDepth, int kVector>
struct Share {
  static constexpr int kGroups = kWide * kDepth / kVector;
  static constexpr int kEach = (kGroups + kThreads - 1) / kThreads;
  TREINO_HOST_DEVICE static bool has(int thread, int j) {
    return kGroups % kThreads == 0 || thread + j * kThreads < kGroups;
  }
};

}  // namespace treino::cuda
