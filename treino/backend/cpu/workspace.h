// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "treino/backend/cpu/memory.h"

namespace treino::cpu {

// Memory that means something only while a step of a program runs: its tensors that are no
// variables, and what each worker uses in passing. Programs of one device run one at a time, on one
// team, so they share it: training, its last batch and evaluation take the room of the largest.
class Workspace {
 public:
  // At least so many bytes; what was in them is lost when it has to grow.
  void reserve(std::size_t arena_bytes, std::size_t worker_bytes) {
    grow(arena_, arena_bytes);
    grow(workers_, worker_bytes);
  }
  std::byte* arena() const { return arena_.data(); }
  std::byte* workers() const { return workers_.data(); }
  std::int64_t generation() const { return generation_; }  // changes when addresses do

 private:
  void grow(Memory& memory, std::size_t bytes) {
    if (bytes <= memory.bytes()) return;
    memory = Memory();  // the old region goes before the new one comes
    memory = Memory(bytes);
    ++generation_;
  }

  Memory arena_, workers_;
  std::int64_t generation_ = 0;
};

}  // namespace treino::cpu
