// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "treino/runtime/program.h"

namespace treino {

namespace {

std::string place_text(const Program& program, const Tensor& tensor) {
  const std::string type =
      fmt::format("{}{}", to_string(tensor.type.dtype), to_string(tensor.type.shape));
  if (tensor.space == Space::variable) {
    return program.variables[static_cast<std::size_t>(tensor.variable)].name + ":" + type;
  }
  return fmt::format("@{}:{}", tensor.offset, type);
}

}  // namespace

std::string to_text(const Program& program) {
  std::string text = fmt::format("program {}: {} steps, arena of {} bytes\n", program.name,
                                 program.steps.size(), program.arena_bytes);
  for (const Step& step : program.steps) {
    for (std::size_t i = 0; i < step.outputs.size(); ++i) {
      text += (i == 0 ? "" : ", ") + place_text(program, step.outputs[i]);
    }
    text += fmt::format(" = {}(", name(step.op));
    for (std::size_t i = 0; i < step.inputs.size(); ++i) {
      text += (i == 0 ? "" : ", ") + place_text(program, step.inputs[i]);
    }
    text += ")";
    if (const std::string attributes = to_string(step.attributes); !attributes.empty())
      text += " " + attributes;
    if (!step.scope.empty()) text += "  ; " + step.scope;
    text += '\n';
  }
  return text;
}

}  // namespace treino
