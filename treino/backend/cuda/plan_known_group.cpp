// SPDX-License-Identifier: Apache-2.0
// Finds the kernel of a group by its text.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "treino/backend/cuda/plan.h"

namespace treino::cuda {

namespace {

// The letter of an input; 0: it has none.
char kind_of(const TensorType& input, DType dtype, const Shape& shape) {
  const bool whole = input.shape.elements() == shape.elements();
  if (input.dtype == dtype) return whole ? 'i' : input.shape.elements() == 1 ? 's' : 'b';
  if (!whole) return 0;
  switch (input.dtype) {
    case DType::f32:
      return 'f';
    case DType::f64:
      return 'd';
    case DType::u8:
      return 'u';
    case DType::i32:
      return 'n';
    case DType::i64:
      return 'l';
  }
  return 0;
}

}  // namespace

WrittenGroup write_group(const Step& step) {
  const auto& group = std::get<FusedAttributes>(step.attributes);
  const DType dtype = step.outputs[0].type.dtype;
  WrittenGroup written;
  std::vector<std::string> names;
  int results = 0;
  for (const FusedInstruction& instruction : group.instructions) {
    if (instruction.dtype != dtype) return {};
    if (instruction.op == Op::constant) {
      names.push_back(fmt::format("c{}", written.constants.size()));
      written.constants.push_back(instruction.value);
      continue;
    }
    written.text += fmt::format("{}(", name(instruction.op));
    for (int k = 0; k < info(instruction.op).least_inputs; ++k) {
      const int operand = instruction.operands[static_cast<std::size_t>(k)];
      if (k > 0) written.text += ",";
      if (operand >= 0) {
        written.text += names[static_cast<std::size_t>(operand)];
        continue;
      }
      const char kind =
          kind_of(step.inputs[static_cast<std::size_t>(~operand)].type, dtype, group.shape);
      if (kind == 0) return {};
      written.text += fmt::format("{}{}", kind, ~operand);
    }
    written.text += ") ";
    names.push_back(fmt::format("t{}", results++));
  }
  written.text += "->";
  for (int output : group.outputs) written.text += " " + names[static_cast<std::size_t>(output)];
  return written;
}

namespace {

const Shape& shape_of(const Step& step) {
  return std::get<FusedAttributes>(step.attributes).shape;
}

// False where the group is another.
template <typename Group, typename Place>
bool fill(Planner& planner, const Step& step, const WrittenGroup& written,
          KnownGroup<Group, Place>& work) {
  using T = typename Group::Type;
  bool same_type = false;
  with_type(step.outputs[0].type.dtype,
            [&](auto element) { same_type = std::is_same_v<decltype(element), T>; });
  if (written.text != Group::kText || !same_type || step.inputs.size() != std::size(work.in) ||
      written.constants.size() != static_cast<std::size_t>(work.kText.constants)) {
    return false;  // some that no instruction reads, too
  }
  for (std::size_t k = 0; k < step.inputs.size(); ++k) {
    work.in[k] = planner.at<void>(step.inputs[k]);
    if (work.kText.input[k] == 'b')
      work.walks[work.kText.broadcasting(k)] =
          broadcast_walk(step.inputs[k].type.shape, shape_of(step));
  }
  for (std::size_t k = 0; k < step.outputs.size(); ++k)
    work.out[k] = planner.at<T>(step.outputs[k]);
  std::transform(written.constants.begin(), written.constants.end(), work.constants,
                 [](double value) { return static_cast<T>(value); });
  return true;
}

template <typename Group, typename Place = InStep>
bool plan(Planner& planner, const Step& step, const WrittenGroup& written,
          const Place& place = {}) {
  KnownGroup<Group, Place> work{};
  work.place = place;
  if (!fill(planner, step, written, work)) return false;
  planner.launch(work, shape_of(step).elements());
  return true;
}

}  // namespace

bool plan_known_group(Planner& planner, const Step& step) {
  const WrittenGroup written = write_group(step);
#define TREINO_GROUP(name, type, text) \
  if (plan<group::name>(planner, step, written)) return true;
#include "treino/backend/cuda/kernels/known_groups.def"
#undef TREINO_GROUP
  return false;
}

KnownGroup<group::adam> adam_of(Planner& planner, const Step& group) {
  KnownGroup<group::adam> work{};
  fill(planner, group, write_group(group), work);
  return work;
}

template <typename Group>
bool fill_group(Planner& planner, const Step& group, KnownGroup<Group>& work) {
  return fill(planner, group, write_group(group), work);
}
template bool fill_group(Planner&, const Step&, KnownGroup<group::relu>&);
template bool fill_group(Planner&, const Step&, KnownGroup<group::relu_add>&);

void plan_gathered_group(Planner& planner, const Step& gather, const InRows& from,
                         const Step& group) {
  Step whole = group;  // reads the table where the group read rows of it
  whole.inputs[0] = gather.inputs[0];
  whole.inputs[0].type.shape = group.inputs[0].type.shape;
  const WrittenGroup written = write_group(group);
  if (!plan<group::scale_bytes>(planner, whole, written, from))
    plan<group::standardize_bytes>(planner, whole, written, from);
}

}  // namespace treino::cuda
