// SPDX-License-Identifier: Apache-2.0
// Groups of elementwise ops as a small register machine: each instruction is one vectorised loop
// over a block of elements that stays in L1.
#pragma once

#include <vector>

#include "treino/backend/cpu/pattern.h"
#include "treino/backend/cpu/plan.h"

namespace treino::cpu {

inline constexpr int kMostSlots = 224;

struct MicroOp {
  ElementwiseFunction run = nullptr;
  int out = 0, a = 0, b = 0, c = 0;  // slots
};

struct MovingSlot {  // advances with the block: a tensor of the group's shape
  int slot = 0;
  int element_bytes = 4;
  std::byte* base = nullptr;
};

struct FixedSlot {  // the same address in every block: a scalar tensor
  int slot = 0;
  std::byte* base = nullptr;
};

struct RegisterSlot {  // in the worker's scratch
  int slot = 0;
  Index offset = 0;
};

struct Load {  // fills a register from a tensor that is not walked contiguously
  int slot = 0;
  int element_bytes = 4;
  bool once = false;  // every block reads the same
  Pattern pattern;
  const std::byte* base = nullptr;
};

struct FusedState {
  Index elements = 0, block = 0, slices = 1;
  Index rows = 1, row_elements = 0;  // axis 0 and what one of its rows holds; slices share rows
  double constants[64]{};            // 8 bytes each, holding the value in its own type
  int constant_count = 0;
  int constant_slots[64]{};
  std::vector<MovingSlot> moving;
  std::vector<FixedSlot> fixed;
  std::vector<RegisterSlot> registers;
  std::vector<Load> loads;
  std::vector<MicroOp> once;  // on scalars, before the first block of a slice
  struct Splat {              // a scalar slot repeated into a register, once a slice
    int to = 0, from = 0, element_bytes = 4;
  };
  std::vector<Splat> splats;
  std::vector<MicroOp> body;
  struct Copy {  // an output that could not be written where it belongs at once
    int from = 0, to = 0, element_bytes = 4;
  };
  std::vector<Copy> copies;
};

// Plans a group that has a loop of its own; false when it has none.
bool plan_known_group(Planner& planner, const Step& step, const FusedAttributes& group);

void run_fused(const void* state, Index slice, std::byte* scratch);

}  // namespace treino::cpu
