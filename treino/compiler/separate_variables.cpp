// SPDX-License-Identifier: Apache-2.0
#include "treino/compiler/passes.h"
#include "treino/compiler/rewrite.h"

namespace treino::compiler {

void separate_variables(const Graph& from, Graph& to, const Target&) {
  Rewriter rewriter(from, to);
  const std::vector<bool> live = live_nodes(from);
  for (int i = 0; i < static_cast<int>(from.nodes().size()); ++i) {
    if (!live[static_cast<std::size_t>(i)]) continue;
    const Node& node = from.node(i);
    int source = node.op == Op::assign ? node.inputs[1].node : i;
    while (from.node(source).op == Op::reshape) source = from.node(source).inputs[0].node;
    if (node.op != Op::assign || from.node(source).op != Op::variable) {
      rewriter.copy(i);
      continue;
    }
    to.set_scope(node.scope);
    const Value value = rewriter.map(node.inputs[1]);
    const Value own =
        to.add(Op::cast, {value}, TypeAttributes{value.type()});  // a cast to its own type copies
    to.add(Op::assign, {rewriter.map(node.inputs[0]), own});
  }
}

}  // namespace treino::compiler
