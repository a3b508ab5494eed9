// SPDX-License-Identifier: Apache-2.0
#include "treino/compiler/passes.h"
#include "treino/compiler/rewrite.h"
#include "treino/graph/gradients.h"

namespace treino::compiler {

namespace {

// Expands every placeholder of the loss of node `index` whose variable is already in the new graph,
// so that one backward sweep serves all of them.
void expand(const Graph& from, Graph& to, Rewriter& rewriter, const std::vector<bool>& live,
            int index) {
  const Value loss = from.node(index).inputs[0];
  std::vector<int> placeholders;
  std::vector<Value> sources;
  for (int i = index; i < static_cast<int>(from.nodes().size()); ++i) {
    const Node& node = from.node(i);
    const bool same =
        live[static_cast<std::size_t>(i)] && node.op == Op::gradient && node.inputs[0] == loss;
    if (!same || !rewriter.is_mapped(node.inputs[1])) continue;
    placeholders.push_back(i);
    sources.push_back(rewriter.map(node.inputs[1]));
  }
  const std::vector<Value> results = gradients(to, rewriter.map(loss), sources);
  for (std::size_t k = 0; k < placeholders.size(); ++k) rewriter.set(placeholders[k], results[k]);
}

}  // namespace

void differentiate(const Graph& from, Graph& to, const Target&) {
  Rewriter rewriter(from, to);
  const std::vector<bool> live = live_nodes(from);
  for (int i = 0; i < static_cast<int>(from.nodes().size()); ++i) {
    if (!live[static_cast<std::size_t>(i)]) continue;
    if (from.node(i).op != Op::gradient) {
      rewriter.copy(i);
    } else if (!rewriter.is_mapped({nullptr, i, 0})) {
      expand(from, to, rewriter, live, i);
    }
  }
}

}  // namespace treino::compiler
