// SPDX-License-Identifier: Apache-2.0
// A whole program for one kernel that stays on the GPU: levels of launches, the blocks of a level
// side by side, a barrier of all blocks after each. Made by levels.cpp, run by kernels.cu.
#pragma once

#include "treino/backend/cuda/kernels/tiled.h"

namespace treino::cuda {

struct LevelLaunch {
  int kernel;
  unsigned first_block, blocks;  // in its level
  unsigned arguments;            // offset in bytes, 16-aligned
  Index count;
};
struct Level {
  int first, last;  // launches
  unsigned blocks;
};

// In one piece of memory: levels, launches, arguments.
struct Levels {
  const std::byte* data;
  unsigned bytes, launches_at, arguments_at;
  int levels;
  unsigned* barrier;  // zero at the start

  TREINO_HOST_DEVICE static const Level* levels_of(const std::byte* copy) {
    return reinterpret_cast<const Level*>(copy);
  }
  TREINO_HOST_DEVICE const LevelLaunch* launches_of(const std::byte* copy) const {
    return reinterpret_cast<const LevelLaunch*>(copy + launches_at);
  }
};

}  // namespace treino::cuda
