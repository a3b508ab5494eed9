// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "treino/backend/cuda/plan.h"

namespace treino::cuda {

// The launches by levels, each in the first one that its `after` allows, as the kernel that runs
// whole programs reads them (kernels/levels.h).
struct LevelTable {
  std::vector<std::byte> data;
  Levels levels{};             // `data` and `barrier`: by whoever puts it on the GPU
  std::size_t room = 0;        // that a block's threads share
  Index blocks = 0, most = 0;  // of all levels, of the largest
  bool possible = true;        // no launch but of kernels that it has
};
LevelTable make_levels(std::span<const Launch> launches);

}  // namespace treino::cuda
