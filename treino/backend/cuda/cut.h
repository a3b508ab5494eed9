// SPDX-License-Identifier: Apache-2.0
// Into how many chunks a product's sums are cut, and what that is thought to cost.
#pragma once

#include <limits>

#include "treino/backend/cuda/kernels/tile_product.h"

namespace treino::cuda {

constexpr Index parts(Index whole, Index part) {
  return (whole + part - 1) / part;
}

// Tiles of one size made by one arithmetic, as an H200 made them (`check.sh lab`).
struct TileSpeed {
  Index rate;   // multiplications of a multiprocessor in a cycle
  Index slice;  // cycles that a block takes for 16 k of a slice where it is alone
};
template <typename Work>
constexpr TileSpeed kSpeed = Work::kTileRows == 32   ? TileSpeed{50, 450}
                             : Work::kTileRows == 64 ? TileSpeed{66, 1040}
                                                     : TileSpeed{48, 700};
template <typename Operands, int kRows, int kColumns>
constexpr TileSpeed kSpeed<TileProduct<Operands, kRows, kColumns, Tf32>> =
    kRows == 64      ? TileSpeed{110, 800}
    : kColumns == 64 ? TileSpeed{133, 1360}
                     : TileSpeed{148, 1770};
template <typename Operands, int kRows, int kColumns>
constexpr TileSpeed kSpeed<TileProduct<Operands, kRows, kColumns, Bf16>> =
    kRows == 64      ? TileSpeed{165, 550}
    : kColumns == 64 ? TileSpeed{225, 750}
                     : TileSpeed{255, 1030};

struct TileShape {
  Index rows, columns, depth;
  Index results;  // of a thread
  Index room;     // blocks of a multiprocessor
  TileSpeed speed;

  template <typename Work>
  static constexpr TileShape of() {
    return {Work::kTileRows,   Work::kTileColumns, Work::kDepth,
            Work::Tile::kEach, Work::kBlocks,      kSpeed<Work>};
  }
  Index count(Index of_rows, Index of_columns) const {
    return parts(of_rows, rows) * parts(of_columns, columns);
  }
};

struct Cut {
  Index tiles = 0, chunks = 1;
  Index cycles = std::numeric_limits<Index>::max();
};

// The quickest of the ways to cut the sums of [rows][columns] results into chunks. `updates`: an
// optimiser uses them up. It depends on the extents alone, so that any GPU gives the same bits.
Cut cut_of(const TileShape& tile, Index rows, Index columns, Index inner, bool updates);

}  // namespace treino::cuda
