// SPDX-License-Identifier: Apache-2.0
#include "treino/graph/graph.h"

#include <fmt/format.h>

namespace treino {

const TensorType& Value::type() const {
  return graph->node(node).outputs[static_cast<std::size_t>(output)];
}

Value Graph::add(Op op, std::vector<Value> inputs, Attributes attributes) {
  const OpInfo& row = info(op);
  const int count = static_cast<int>(inputs.size());
  if (count < row.least_inputs || count > row.most_inputs) {
    throw Error::mistake(
        fmt::format("{} takes {} inputs, not {}", row.name, row.least_inputs, count));
  }
  for (const Value& input : inputs) {
    if (input.graph != this)
      throw Error::mistake(fmt::format("{}: an input of another graph", row.name));
  }
  std::vector<TensorType> outputs;
  if (op == Op::variable) {
    outputs = {
        variables_.at(static_cast<std::size_t>(std::get<VariableAttributes>(attributes).index))
            .type};
  } else {
    try {
      outputs = infer_types(op, inputs, attributes);
    } catch (const Error& error) {
      if (scope_.empty()) throw;
      throw Error(error.fault(), fmt::format("{}: {}", scope_, error.what()));
    }
  }
  nodes_.push_back({op, std::move(inputs), std::move(attributes), std::move(outputs), scope_});
  return {this, static_cast<int>(nodes_.size()) - 1, 0};
}

Value Graph::variable(const std::string& name, TensorType type, Role role) {
  for (std::size_t i = 0; i < variables_.size(); ++i) {
    if (variables_[i].name != name) continue;
    if (!(variables_[i].type == type) || variables_[i].role != role) {
      throw Error::mistake(fmt::format("variable {} is already {}{}", name,
                                       to_string(variables_[i].type.dtype),
                                       to_string(variables_[i].type.shape)));
    }
    return {this, variable_nodes_[i], 0};
  }
  variables_.push_back({name, type, role});
  const Value value =
      add(Op::variable, {}, VariableAttributes{static_cast<int>(variables_.size()) - 1});
  variable_nodes_.push_back(value.node);
  return value;
}

}  // namespace treino
