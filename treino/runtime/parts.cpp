// SPDX-License-Identifier: Apache-2.0
#include "treino/runtime/parts.h"

#include "treino/runtime/tensor_bytes.h"

namespace treino {

namespace {

// What makes output k of a group, and nothing else.
Step part_of(const Step& group, std::size_t k) {
  const auto& all = std::get<FusedAttributes>(group.attributes);
  std::vector<bool> needed(all.instructions.size());
  needed[static_cast<std::size_t>(all.outputs[k])] = true;
  for (std::size_t i = needed.size(); i-- > 0;) {
    if (!needed[i]) continue;
    const FusedInstruction& one = all.instructions[i];
    for (int j = 0; one.op != Op::constant && j < info(one.op).least_inputs; ++j) {
      if (const int operand = one.operands[static_cast<std::size_t>(j)]; operand >= 0)
        needed[static_cast<std::size_t>(operand)] = true;
    }
  }
  Step part{group.op, {}, {}, {group.outputs[k]}, group.scope};
  FusedAttributes attributes{all.shape, {}, {}};
  std::vector<int> place(needed.size(), -1), input(group.inputs.size(), -1);
  const auto push = [&](const FusedInstruction& one, std::size_t from) {
    place[from] = static_cast<int>(attributes.instructions.size());
    attributes.instructions.push_back(one);
  };
  for (std::size_t i = 0; i < needed.size(); ++i) {
    FusedInstruction one = all.instructions[i];
    if (!needed[i] || one.op == Op::constant) continue;
    for (int j = 0; j < info(one.op).least_inputs; ++j) {
      int& operand = one.operands[static_cast<std::size_t>(j)];
      if (operand >= 0) {  // a constant stands before what reads it first
        const auto from = static_cast<std::size_t>(operand);
        if (place[from] < 0) push(all.instructions[from], from);
        operand = place[from];
        continue;
      }
      int& own = input[static_cast<std::size_t>(~operand)];
      if (own < 0) {
        own = static_cast<int>(part.inputs.size());
        part.inputs.push_back(group.inputs[static_cast<std::size_t>(~operand)]);
      }
      operand = ~own;
    }
    push(one, i);
  }
  const auto result = static_cast<std::size_t>(all.outputs[k]);
  if (place[result] < 0) push(all.instructions[result], result);  // a constant
  attributes.outputs = {place[result]};
  part.attributes = std::move(attributes);
  return part;
}

}  // namespace

std::vector<Step> parts_of(const Step& step) {
  if (step.op != Op::fused || step.outputs.size() < 2 ||
      std::get<FusedAttributes>(step.attributes).shape.elements() != 1) {
    return {};
  }
  std::vector<Step> parts;
  for (std::size_t k = 0; k < step.outputs.size(); ++k) parts.push_back(part_of(step, k));
  bool differ = false;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    differ = differ || parts[k].inputs.size() < step.inputs.size();
    for (std::size_t other = 0; other < parts.size(); ++other) {
      if (k != other && any_overlap(parts[k].outputs, parts[other].inputs)) return {};
    }
  }
  if (!differ) parts.clear();
  return parts;
}

}  // namespace treino
