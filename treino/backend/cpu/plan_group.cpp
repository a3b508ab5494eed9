// SPDX-License-Identifier: Apache-2.0
// Fused groups that have a loop of their own. A group is known by its text: instructions with
// inputs and constants by number; anything that differs goes to the register machine.
#include <fmt/format.h>

#include "treino/backend/cpu/fused.h"

namespace treino::cpu {

namespace {

struct KnownGroup {
  const char* text;
  const char* name;
  GroupFunction Kernels::*function;
};

constexpr KnownGroup kKnown[] = {
    {"sub(i0,i1) mul(t0,c0) add(i1,t1) square(i0) sub(t3,i2) mul(t4,c1) add(i2,t5) sqrt(t6) "
     "add(t7,c2) mul(t2,s3) "
     "div(t9,t8) sub(i4,t10) -> t2 t6 t11",
     "adam", &Kernels::adam},
};

// Text of a group of floats: i an input of the group's shape, s a scalar input, c a constant, t an
// earlier instruction. Empty when an input is neither.
std::string text_of(const Step& step, const FusedAttributes& group, GroupArguments& arguments) {
  std::string text;
  std::vector<std::string> names;
  int constants = 0, results = 0;
  for (const FusedInstruction& instruction : group.instructions) {
    if (instruction.dtype != DType::f32) return {};
    if (instruction.op == Op::constant) {
      if (constants == 8) return {};
      arguments.constants[constants] = static_cast<float>(instruction.value);
      names.push_back(fmt::format("c{}", constants++));
      continue;
    }
    text += fmt::format("{}(", name(instruction.op));
    for (int k = 0; k < info(instruction.op).least_inputs; ++k) {
      const int operand = instruction.operands[static_cast<std::size_t>(k)];
      if (k > 0) text += ",";
      if (operand >= 0) {
        text += names[static_cast<std::size_t>(operand)];
        continue;
      }
      const TensorType& type = step.inputs[static_cast<std::size_t>(~operand)].type;
      const bool scalar = type.shape.elements() == 1 && group.shape.elements() != 1;
      if (type.dtype != DType::f32 || (!scalar && type.shape.elements() != group.shape.elements()))
        return {};
      text += fmt::format("{}{}", scalar ? "s" : "i", ~operand);
    }
    text += ") ";
    names.push_back(fmt::format("t{}", results++));
  }
  text += "->";
  for (int output : group.outputs) text += " " + names[static_cast<std::size_t>(output)];
  return text;
}

struct GroupState {
  GroupArguments arguments;
  GroupFunction run = nullptr;
  std::size_t inputs = 0, outputs = 0;
  bool scalar[8]{};
  Index slices = 1, rows = 1, row_elements = 0;
};

GroupArguments slice_of(const GroupState& state, Index slice, const float* first_input) {
  GroupArguments part = state.arguments;
  const Range range = share(state.rows, state.slices, slice);
  const Index first = range.begin * state.row_elements;
  part.inputs[0] = first_input;
  part.count = std::min(range.end * state.row_elements, state.arguments.count) - first;
  for (std::size_t i = 0; i < state.inputs; ++i) part.inputs[i] += state.scalar[i] ? 0 : first;
  for (std::size_t i = 0; i < state.outputs; ++i) part.outputs[i] += first;
  return part;
}

void run_group(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const GroupState*>(opaque);
  state.run(slice_of(state, slice, state.arguments.inputs[0]));
}

Update update_of(const void* opaque, Index slice, const float* first) {
  const auto& state = *static_cast<const GroupState*>(opaque);
  return {state.run, slice_of(state, slice, first)};
}

}  // namespace

bool plan_known_group(Planner& planner, const Step& step, const FusedAttributes& group) {
  if (step.inputs.size() > 8 || step.outputs.size() > 4) return false;
  GroupArguments arguments;
  const std::string text = text_of(step, group, arguments);
  for (const KnownGroup& known : kKnown) {
    if (text != known.text) continue;
    auto& state = planner.state<GroupState>();
    state.arguments = arguments;
    state.arguments.count = group.shape.elements();
    state.run = planner.kernels.*known.function;
    state.inputs = step.inputs.size();
    state.outputs = step.outputs.size();
    for (std::size_t i = 0; i < step.inputs.size(); ++i) {
      state.scalar[i] = step.inputs[i].type.shape.elements() == 1;
      planner.point(state.arguments.inputs[i], step.inputs[i]);
    }
    for (std::size_t i = 0; i < step.outputs.size(); ++i)
      planner.point(state.arguments.outputs[i], step.outputs[i]);
    const auto streams = static_cast<double>(step.inputs.size() + step.outputs.size());
    const double nanoseconds =
        nanoseconds_of(0, 4 * streams * static_cast<double>(state.arguments.count));
    Partition partition;
    state.rows = group.shape.rank() == 0 ? 1 : group.shape[0];
    if (state.rows >= kRowSlices) {
      state.row_elements = state.arguments.count / state.rows;
      state.slices = planner.short_row_slices(state.rows, nanoseconds);
      partition = {state.rows, 0, (1U << step.outputs.size()) - 1};
      for (std::size_t i = 0; i < step.inputs.size(); ++i)
        partition.inputs |= state.scalar[i] ? 0U : 1U << i;
    } else {  // few rows: by cache lines
      state.row_elements = 16;
      state.rows = (state.arguments.count + 15) / 16;
      state.slices = slices_for(state.rows, nanoseconds);
    }
    planner.choose(fmt::format("own {} {}", planner.kernels.name, known.name));
    planner.phase(run_group, &state, state.slices, nanoseconds, partition);
    if (partition.extent > 0 && !state.scalar[0]) planner.takes_slice({update_of});
    return true;
  }
  return false;
}

}  // namespace treino::cpu
