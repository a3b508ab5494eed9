// SPDX-License-Identifier: Apache-2.0
#include <unordered_map>

#include "treino/compiler/passes.h"
#include "treino/compiler/rewrite.h"

namespace treino::compiler {

namespace {

std::size_t hash_of(Op op, const std::vector<Value>& inputs) {
  std::size_t hash = static_cast<std::size_t>(op);
  for (const Value& input : inputs) {
    hash = hash * 1'000'003 + static_cast<std::size_t>(input.node) * 8 +
           static_cast<std::size_t>(input.output);
  }
  return hash;
}

}  // namespace

void common_subexpressions(const Graph& from, Graph& to, const Target&) {
  Rewriter rewriter(from, to);
  const std::vector<bool> live = live_nodes(from);
  std::unordered_multimap<std::size_t, int> seen;  // hash -> node of `to`
  for (int i = 0; i < static_cast<int>(from.nodes().size()); ++i) {
    if (!live[static_cast<std::size_t>(i)]) continue;
    const Node& node = from.node(i);
    if (node.op == Op::variable) continue;
    if (info(node.op).kind == OpKind::effect) {
      rewriter.copy(i);
      continue;
    }
    const std::vector<Value> inputs = rewriter.map(node.inputs);
    const std::size_t hash = hash_of(node.op, inputs);
    int found = -1;
    const auto [first, last] = seen.equal_range(hash);
    for (auto it = first; it != last && found < 0; ++it) {
      const Node& other = to.node(it->second);
      if (other.op == node.op && other.inputs == inputs && other.attributes == node.attributes) {
        found = it->second;
      }
    }
    if (found < 0) {
      rewriter.copy(i);
      seen.emplace(hash, rewriter.map({nullptr, i, 0}).node);
      continue;
    }
    for (int k = 0; k < static_cast<int>(node.outputs.size()); ++k)
      rewriter.set(i, {&to, found, k}, k);
  }
}

}  // namespace treino::compiler
