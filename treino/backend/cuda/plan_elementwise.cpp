// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "treino/backend/cuda/plan.h"
#include "treino/base/error.h"

namespace treino::cuda {

// The axes are aligned at the right.
Walk broadcast_walk(const Shape& from, const Shape& to) {
  Walk walk;
  const int more = to.rank() - from.rank();
  Index stride = from.elements();
  for (int axis = 0; axis < to.rank(); ++axis) {
    const Index own = axis < more ? 1 : from[axis - more];
    stride /= std::max<Index>(own, 1);
    walk.add(to[axis], own == 1 ? 0 : stride);
  }
  return walk;
}

namespace {

void demand_room(const Step& step, std::size_t count) {
  if (count > kMostFused)
    throw Error::mistake("a fused group of " + step.scope + " is too large for the cuda device");
}

}  // namespace

void plan_constant(Planner& planner, const Step& step) {
  const double value = std::get<ConstantAttributes>(step.attributes).value;
  const Tensor& out = step.outputs[0];
  with_type(out.type.dtype, [&](auto element) {
    using T = decltype(element);
    planner.launch(Fill<T>{planner.at<T>(out), static_cast<T>(value)}, out.type.shape.elements());
  });
}

void plan_elementwise(Planner& planner, const Step& step) {
  const Tensor& out = step.outputs[0];
  with_type(out.type.dtype, [&](auto element) {
    using T = decltype(element);
    Elementwise<T> work{step.op, {}, planner.at<T>(out)};
    for (std::size_t k = 0; k < step.inputs.size(); ++k) work.in[k] = planner.at<T>(step.inputs[k]);
    planner.launch(work, out.type.shape.elements());
  });
}

void plan_cast(Planner& planner, const Step& step) {
  const Tensor &in = step.inputs[0], &out = step.outputs[0];
  with_type(out.type.dtype, [&](auto element) {
    using T = decltype(element);
    planner.launch(Cast<T>{planner.at<void>(in), in.type.dtype, planner.at<T>(out)},
                   out.type.shape.elements());
  });
}

void plan_fused(Planner& planner, const Step& step) {
  const auto& attributes = std::get<FusedAttributes>(step.attributes);
  if (plan_known_group(planner, step)) return;
  demand_room(step, attributes.instructions.size());
  demand_room(step, step.inputs.size());
  FusedGroup group{};
  group.instructions = static_cast<int>(attributes.instructions.size());
  group.inputs = static_cast<int>(step.inputs.size());
  group.outputs = static_cast<int>(step.outputs.size());
  for (std::size_t k = 0; k < attributes.instructions.size(); ++k) {
    const FusedInstruction& from = attributes.instructions[k];
    FusedGroup::Instruction& to = group.instruction[k];
    to.op = from.op;
    to.value = from.value;
    for (std::size_t j = 0; j < 3; ++j) to.operands[j] = from.operands[j];
  }
  for (std::size_t k = 0; k < step.inputs.size(); ++k) {
    const TensorType& type = step.inputs[k].type;
    group.input[k] = {planner.at<void>(step.inputs[k]), type.dtype, type.shape == attributes.shape,
                      broadcast_walk(type.shape, attributes.shape)};
  }
  for (std::size_t k = 0; k < step.outputs.size(); ++k) {
    group.output_of[k] = attributes.outputs[k];
    group.output[k] = planner.at<void>(step.outputs[k]);
  }
  with_type(step.outputs[0].type.dtype, [&](auto element) {
    planner.launch(Fused<decltype(element)>{planner.add(group)}, attributes.shape.elements());
  });
}

void plan_broadcast(Planner& planner, const Step& step) {
  const Tensor &in = step.inputs[0], &out = step.outputs[0];
  with_size(out.type.dtype, [&](auto element) {
    using T = decltype(element);
    planner.launch(Strided<T>{planner.at<T>(in), planner.at<T>(out),
                              broadcast_walk(in.type.shape, out.type.shape)},
                   out.type.shape.elements());
  });
}

}  // namespace treino::cuda
