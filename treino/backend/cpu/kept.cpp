// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cpu/kept.h"
#include "treino/runtime/tensor_bytes.h"

#include <fmt/format.h>

#include <algorithm>

namespace treino::cpu {

namespace {

constexpr std::int64_t kSmallBytes = 64 << 10;

// A kept value: where the plan has it in the arena.
struct Home {
  std::int64_t begin = 0, end = 0;
  int variable = -1;
};

class Keeper {
 public:
  explicit Keeper(const Program& program) : result_{program, {}, {}} {
    for (const Variable& variable : program.variables) {
      result_.constant.push_back(variable.role == Role::parameter ||
                                 variable.role == Role::statistic);
    }
    for (const Step& step : program.steps) {
      for (const Tensor& output : step.outputs) {
        if (output.space == Space::variable) result_.constant[index(output.variable)] = false;
      }
    }
  }

  // False when a step reads part of something kept: views of a part do not come from the compiler.
  bool run() {
    for (Step& step : result_.program.steps) {
      for (Tensor& input : step.inputs) {
        if (input.space == Space::arena && !find(input)) return false;
      }
      const bool keeps = is_constant(step);
      result_.steps.push_back(keeps);
      for (Tensor& output : step.outputs) {
        if (output.space == Space::arena) place(output, keeps);
      }
    }
    return true;
  }

  Kept take() { return std::move(result_); }

 private:
  static std::size_t index(int i) { return static_cast<std::size_t>(i); }

  bool find(Tensor& tensor) const {
    const std::int64_t begin = tensor.offset, end = begin + bytes_of(tensor);
    for (const Home& home : homes_) {
      if (home.end <= begin || end <= home.begin) continue;
      if (home.begin != begin || home.end != end) return false;
      tensor.space = Space::variable;
      tensor.variable = home.variable;
      tensor.offset = 0;
      return true;
    }
    return true;
  }

  bool is_constant(const Step& step) const {
    std::int64_t most = kSmallBytes;
    for (const Tensor& input : step.inputs) {
      if (input.space != Space::variable || !result_.constant[index(input.variable)]) return false;
      most = std::max(most, bytes_of(input));
    }
    return std::ranges::all_of(step.outputs, [&](const Tensor& output) {
      return output.space == Space::arena && bytes_of(output) <= most;
    });
  }

  void place(Tensor& tensor, bool keeps) {
    const std::int64_t begin = tensor.offset, end = begin + bytes_of(tensor);
    std::erase_if(homes_, [&](const Home& home) { return begin < home.end && home.begin < end; });
    if (!keeps) return;
    tensor.space = Space::variable;
    tensor.variable = static_cast<int>(result_.program.variables.size());
    tensor.offset = 0;
    homes_.push_back({begin, end, tensor.variable});
    result_.program.variables.push_back(
        {fmt::format("kept.{}", tensor.variable), tensor.type, Role::parameter});
    result_.constant.push_back(true);
  }

  Kept result_;
  std::vector<Home> homes_;
};

}  // namespace

Kept keep_constants(const Program& program) {
  Keeper keeper(program);
  if (keeper.run()) return keeper.take();
  return {program, std::vector<bool>(program.steps.size(), false),
          std::vector<bool>(program.variables.size(), false)};
}

}  // namespace treino::cpu
