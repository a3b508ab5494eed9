// SPDX-License-Identifier: Apache-2.0
#include "treino/compiler/rewrite.h"

namespace treino::compiler {

std::vector<bool> live_nodes(const Graph& graph) {
  std::vector<bool> live(graph.nodes().size(), false);
  for (std::size_t i = graph.nodes().size(); i-- > 0;) {
    const Node& node = graph.nodes()[i];
    if (info(node.op).kind == OpKind::effect) live[i] = true;
    if (!live[i]) continue;
    for (const Value& input : node.inputs) live[static_cast<std::size_t>(input.node)] = true;
  }
  return live;
}

std::vector<int> use_counts(const Graph& graph, const std::vector<bool>& live) {
  std::vector<int> counts(graph.nodes().size(), 0);
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    if (!live[i]) continue;
    for (const Value& input : graph.nodes()[i].inputs)
      ++counts[static_cast<std::size_t>(input.node)];
  }
  return counts;
}

const Value* last_axis_vector(const Value& value) {
  const Node& node = value.graph->node(value.node);
  if (node.op != Op::broadcast) return nullptr;
  const Shape& shape = node.inputs[0].shape();
  return shape.rank() == 1 && shape[0] == value.shape().back() ? &node.inputs[0] : nullptr;
}

Rewriter::Rewriter(const Graph& from, Graph& to) : from_(from), to_(to), map_(from.nodes().size()) {
  std::vector<Value> variables;
  for (const Variable& variable : from.variables()) {
    variables.push_back(to.variable(variable.name, variable.type, variable.role));
  }
  for (std::size_t i = 0; i < from.nodes().size(); ++i) {
    if (from.nodes()[i].op != Op::variable) continue;
    const int index = std::get<VariableAttributes>(from.nodes()[i].attributes).index;
    map_[i] = {variables[static_cast<std::size_t>(index)]};
  }
}

bool Rewriter::is_mapped(const Value& old) const {
  const auto& outputs = map_[static_cast<std::size_t>(old.node)];
  return static_cast<std::size_t>(old.output) < outputs.size() &&
         outputs[static_cast<std::size_t>(old.output)].graph != nullptr;
}

Value Rewriter::map(const Value& old) const {
  return map_[static_cast<std::size_t>(old.node)].at(static_cast<std::size_t>(old.output));
}

std::vector<Value> Rewriter::map(const std::vector<Value>& old) const {
  std::vector<Value> mapped;
  for (const Value& value : old) mapped.push_back(map(value));
  return mapped;
}

void Rewriter::copy(int index) {
  const Node& node = from_.node(index);
  if (node.op == Op::variable) return;
  to_.set_scope(node.scope);
  const Value first = to_.add(node.op, map(node.inputs), node.attributes);
  for (int k = 0; k < static_cast<int>(node.outputs.size()); ++k)
    set(index, {&to_, first.node, k}, k);
}

void Rewriter::set(int index, Value value, int output) {
  auto& outputs = map_[static_cast<std::size_t>(index)];
  if (outputs.size() <= static_cast<std::size_t>(output))
    outputs.resize(static_cast<std::size_t>(output) + 1);
  outputs[static_cast<std::size_t>(output)] = value;
}

}  // namespace treino::compiler
