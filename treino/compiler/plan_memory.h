// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace treino::compiler {

// A tensor in the arena, alive from the step that writes it to the last that reads it.
struct Block {
  std::int64_t bytes = 0;
  int first = 0;
  int last = 0;
};

// Offsets such that blocks alive at the same time do not overlap; `total` is the arena's size.
// Greedy by size: the largest block first, each at the lowest free place (Pisarchyk and Lee,
// "Efficient memory management for deep neural net inference", 2020).
std::vector<std::int64_t> plan_memory(const std::vector<Block>& blocks, std::int64_t& total,
                                      std::int64_t alignment);

}  // namespace treino::compiler
