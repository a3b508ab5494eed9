// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cuda/cut.h"

#include <algorithm>

#include "treino/backend/cuda/plan.h"

namespace treino::cuda {

namespace {

// As an H200 took it, in cycles: until a block multiplies, an optimiser's update of four results,
// and what chunks cost: written and counted, in one level or two, and read by the block that is
// last, 1024 numbers of each.
constexpr Index kBegin = 3650, kUpdate = 700, kChunks = 2300, kTwoLevels = 3250, kRead = 30;
// Numbers that all chunks of a product may leave.
constexpr Index kMostPartial = Index{8} << 20;

// Blocks come in waves of as many as there is room for, the last of what is left. A multiprocessor
// takes what its blocks multiply, but no less than a block that is alone waits.
Index waves(const TileShape& tile, Index blocks, Index slices) {
  const Index work = tile.rows * tile.columns * tile.depth / tile.speed.rate;
  const Index wait = tile.speed.slice * tile.depth / 16;
  const auto wave = [&](Index at_once) { return kBegin + slices * std::max(wait, at_once * work); };
  const Index full = blocks / (kProcessors * tile.room), rest = blocks % (kProcessors * tile.room);
  return full * wave(tile.room) + (rest == 0 ? 0 : wave(parts(rest, kProcessors)));
}

}  // namespace

Cut cut_of(const TileShape& tile, Index rows, Index columns, Index inner, bool updates) {
  const Index tiles = tile.count(rows, columns), numbers = tile.rows * tile.columns;
  const Index slices = parts(inner, tile.depth);
  const Index end = updates ? kUpdate * tile.results / 4 : 0;
  Cut best;
  for (Index chunks = 1; chunks <= std::clamp<Index>(slices, 1, 256); ++chunks) {
    if (chunks > 1 && tiles * chunks * numbers > kMostPartial) break;
    const Index added = chunks == 1 ? 0
                                    : (chunks <= kMostAtOnce ? kChunks : kTwoLevels) +
                                          kRead * chunks * numbers / 1024;
    const Index cycles = waves(tile, tiles * chunks, parts(slices, chunks)) + end + added;
    if (cycles < best.cycles) best = {tiles, chunks, cycles};
  }
  return best;
}

}  // namespace treino::cuda
