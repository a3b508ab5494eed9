// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <tuple>

#include "treino/compiler/passes.h"
#include "treino/compiler/rewrite.h"

namespace treino::compiler {

namespace {

// The precision of a product; null for other ops.
Precision* precision_of(Attributes& attributes) {
  if (auto* matmul = std::get_if<MatmulAttributes>(&attributes)) return &matmul->precision;
  if (auto* window = std::get_if<WindowAttributes>(&attributes)) return &window->precision;
  return nullptr;
}

}  // namespace

void round_products(const Graph& from, Graph& to, const Target& target) {
  Rewriter rewriter(from, to);
  // What several products read is rounded once.
  std::map<std::tuple<int, int, Precision>, Value> rounded;
  const auto round = [&](const Value& value, Precision precision) {
    Value& result = rounded[{value.node, value.output, precision}];
    if (result.graph == nullptr)
      result = to.add(precision == Precision::tf32 ? Op::round_tf32 : Op::round_bf16, {value});
    return result;
  };
  const std::vector<bool> live = live_nodes(from);
  for (int i = 0; i < static_cast<int>(from.nodes().size()); ++i) {
    if (!live[static_cast<std::size_t>(i)]) continue;
    const Node& node = from.node(i);
    Attributes attributes = node.attributes;
    Precision* precision = precision_of(attributes);
    if (precision == nullptr || *precision == Precision::float32 || target.rounds_operands(node)) {
      rewriter.copy(i);
      continue;
    }
    to.set_scope(node.scope);
    std::vector<Value> inputs = rewriter.map(node.inputs);
    for (std::size_t k : {0u, 1u}) inputs[k] = round(inputs[k], *precision);
    *precision = Precision::float32;
    rewriter.set(i, to.add(node.op, std::move(inputs), std::move(attributes)));
  }
}

}  // namespace treino::compiler
