// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cpu/separate.h"

#include <algorithm>
#include <vector>

#include "treino/backend/cpu/memory.h"
#include "treino/runtime/tensor_bytes.h"

namespace treino::cpu {

namespace {

// A value that is in the arena now: where the plan has it and where it is.
struct Home {
  std::int64_t begin = 0, end = 0, place = 0;
};

class Homes {
 public:
  explicit Homes(std::int64_t arena_bytes) : next_(whole_lines(arena_bytes)) {}

  std::int64_t bytes() const { return next_; }

  // False when the tensor is part of another one: views of a part do not come from the compiler.
  bool read(Tensor& tensor) const {
    const std::int64_t begin = tensor.offset, end = begin + bytes_of(tensor);
    for (const Home& home : homes_) {
      if (home.end <= begin || end <= home.begin) continue;
      if (home.begin != begin || home.end != end) return false;
      tensor.offset = home.place;
    }
    return true;
  }

  void write(Tensor& tensor, std::int64_t most_bytes) {
    const std::int64_t begin = tensor.offset, end = begin + bytes_of(tensor);
    std::erase_if(homes_, [&](const Home& home) { return begin < home.end && home.begin < end; });
    if (end - begin > most_bytes) return;
    homes_.push_back({begin, end, next_});
    tensor.offset = next_;
    next_ += whole_lines(end - begin);
  }

 private:
  std::vector<Home> homes_;
  std::int64_t next_;
};

}  // namespace

Program separate_small_tensors(const Program& program, std::int64_t most_bytes) {
  Program result = program;
  Homes homes(program.arena_bytes);
  for (Step& step : result.steps) {
    for (Tensor& input : step.inputs) {
      if (input.space == Space::arena && !homes.read(input)) return program;
    }
    for (Tensor& output : step.outputs) {
      if (output.space == Space::arena) homes.write(output, most_bytes);
    }
  }
  result.arena_bytes = homes.bytes();
  return result;
}

}  // namespace treino::cpu
