// SPDX-License-Identifier: Apache-2.0
#include "treino/compiler/passes.h"
#include "treino/compiler/rewrite.h"

namespace treino::compiler {

namespace {

// The input of a matrix transpose, or `value` itself and `flag` left as it is.
Value through_transpose(const Value& value, bool& flag) {
  const Node& node = value.graph->node(value.node);
  if (node.op != Op::transpose || value.shape().rank() != 2) return value;
  flag = !flag;
  return node.inputs[0];
}

}  // namespace

void layout(const Graph& from, Graph& to, const Target&) {
  Rewriter rewriter(from, to);
  const std::vector<bool> live = live_nodes(from);
  for (int i = 0; i < static_cast<int>(from.nodes().size()); ++i) {
    if (!live[static_cast<std::size_t>(i)]) continue;
    const Node& node = from.node(i);
    if (node.op != Op::matmul) {
      rewriter.copy(i);
      continue;
    }
    auto matmul = std::get<MatmulAttributes>(node.attributes);
    std::vector<Value> inputs = rewriter.map(node.inputs);
    inputs[0] = through_transpose(inputs[0], matmul.transpose_a);
    inputs[1] = through_transpose(inputs[1], matmul.transpose_b);
    to.set_scope(node.scope);
    rewriter.set(i, to.add(Op::matmul, std::move(inputs), matmul));
  }
}

}  // namespace treino::compiler
