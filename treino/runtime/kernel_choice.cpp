// SPDX-License-Identifier: Apache-2.0
#include "treino/runtime/kernel_choice.h"

namespace treino {

std::string shape_key(const Step& step) {
  std::string key;
  for (const Tensor& input : step.inputs) key += to_string(input.type.shape) + " ";
  key += "->";
  for (const Tensor& output : step.outputs) key += " " + to_string(output.type.shape);
  const std::string attributes = to_string(step.attributes);
  return attributes.empty() ? key : key + " " + attributes;
}

}  // namespace treino
