// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "treino/graph/graph.h"

namespace treino {

namespace {

std::string reference(const Value& value) {
  const bool several = value.graph->node(value.node).outputs.size() > 1;
  return several ? fmt::format("%{}.{}", value.node, value.output) : fmt::format("%{}", value.node);
}

std::string type_text(const TensorType& type) {
  return fmt::format("{}{}", to_string(type.dtype), to_string(type.shape));
}

std::string call_text(const Graph& graph, const Node& node) {
  std::string text(name(node.op));
  if (node.op == Op::variable) {
    const int index = std::get<VariableAttributes>(node.attributes).index;
    return text + " " + graph.variables()[static_cast<std::size_t>(index)].name;
  }
  if (!node.inputs.empty()) {
    text += '(';
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      text += (i == 0 ? "" : ", ") + reference(node.inputs[i]);
    }
    text += ')';
  }
  const std::string attributes = to_string(node.attributes);
  return attributes.empty() ? text : text + " " + attributes;
}

}  // namespace

std::string to_text(const Graph& graph) {
  std::string text;
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    text += fmt::format("%{} = {}", i, call_text(graph, node));
    for (std::size_t k = 0; k < node.outputs.size(); ++k) {
      text += (k == 0 ? " : " : ", ") + type_text(node.outputs[k]);
    }
    if (!node.scope.empty()) text += "  ; " + node.scope;
    text += '\n';
  }
  return text;
}

std::string to_dot(const Graph& graph) {
  std::string text =
      "digraph treino {\n  rankdir=TB;\n  node [shape=box, fontname=\"sans-serif\"];\n";
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    std::string label(name(node.op));
    if (node.op == Op::variable) label = call_text(graph, node);
    if (!node.outputs.empty()) label += "\\n" + type_text(node.outputs[0]);
    text += fmt::format("  n{} [label=\"{}\"{}];\n", i, label,
                        node.op == Op::variable ? ", style=filled, fillcolor=lightgrey" : "");
    for (const Value& input : node.inputs) text += fmt::format("  n{} -> n{};\n", input.node, i);
  }
  return text + "}\n";
}

}  // namespace treino
