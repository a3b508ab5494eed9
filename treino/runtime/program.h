// SPDX-License-Identifier: Apache-2.0
// What the compiler hands to a device: lowered steps and a buffer plan. Pure data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "treino/graph/graph.h"

namespace treino {

enum class Space : std::uint8_t {
  variable,  // storage of Program::variables[index], shared between programs over one Store
  arena,     // offset bytes into the program's scratch arena
};

// Where a tensor lives and how it is read. Several tensors may share storage: a reshape, a value
// written in place over the variable it replaces, tensors that are never alive together.
struct Tensor {
  Space space = Space::arena;
  int variable = -1;        // Space::variable
  std::int64_t offset = 0;  // Space::arena; a multiple of Target::alignment()
  TensorType type;
};

// One kernel launch. Steps run in order; each sees the results of all before it.
struct Step {
  Op op = Op::add;
  Attributes attributes;
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
  std::string scope;  // layer, for profiles and errors
};

struct Program {
  std::string name;  // "train", "evaluate", ... for profiles and errors
  std::vector<Variable> variables;
  std::vector<Step> steps;
  std::int64_t arena_bytes = 0;
};

// One line a step with the buffers' places, for --dump-passes and tests.
std::string to_text(const Program& program);

}  // namespace treino
