// SPDX-License-Identifier: Apache-2.0
#include "treino/runtime/bind.h"

#include <fmt/format.h>

#include <algorithm>

#include "treino/base/error.h"

namespace treino {

std::vector<int> bind_variables(const Program& program, const Store& store) {
  std::vector<bool> touched(program.variables.size(), false);
  for (const Step& step : program.steps) {
    for (const auto* tensors : {&step.inputs, &step.outputs}) {
      for (const Tensor& tensor : *tensors) {
        if (tensor.space == Space::variable)
          touched[static_cast<std::size_t>(tensor.variable)] = true;
      }
    }
  }
  std::vector<int> places;
  for (std::size_t i = 0; i < program.variables.size(); ++i) {
    const Variable& wanted = program.variables[i];
    const auto& all = store.variables();
    const auto it = std::find_if(all.begin(), all.end(),
                                 [&](const Variable& v) { return v.name == wanted.name; });
    places.push_back(it == all.end() ? -1 : static_cast<int>(it - all.begin()));
    if (!touched[i]) continue;
    if (it == all.end())
      throw Error::mistake(
          fmt::format("program {} needs the variable {}", program.name, wanted.name));
    if (!(it->type == wanted.type)) {
      throw Error::mistake(fmt::format("variable {} is {}{}, but program {} takes {}{}",
                                       wanted.name, to_string(it->type.dtype),
                                       to_string(it->type.shape), program.name,
                                       to_string(wanted.type.dtype), to_string(wanted.type.shape)));
    }
  }
  return places;
}

void check_write(const Variable& variable, const HostTensor& value) {
  if (value.shape == variable.type.shape) return;
  throw Error::mistake(fmt::format("variable {} is {}, but the value written to it is {}",
                                   variable.name, to_string(variable.type.shape),
                                   to_string(value.shape)));
}

}  // namespace treino
