// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <optional>

#include "treino/compiler/passes.h"
#include "treino/compiler/rewrite.h"

namespace treino::compiler {

namespace {

// x, scale and shift of the value `x * scale + shift` when a pooling is all that reads it.
class Matcher {
 public:
  explicit Matcher(const Graph& graph)
      : graph_(graph), uses_(use_counts(graph, live_nodes(graph))) {}

  std::optional<std::array<Value, 3>> match(const Node& pool) const {
    if (pool.op != Op::max_pool || pool.inputs.size() != 1) return {};
    const Node* sum = once(pool.inputs[0], Op::add);
    for (std::size_t side = 0; sum != nullptr && side < 2; ++side) {
      const Value* shift = last_axis_vector(sum->inputs[1 - side]);
      const Node* product = shift == nullptr ? nullptr : once(sum->inputs[side], Op::mul);
      for (std::size_t k = 0; product != nullptr && k < 2; ++k) {
        const Value* scale = last_axis_vector(product->inputs[1 - k]);
        if (scale != nullptr) return std::array{product->inputs[k], *scale, *shift};
      }
    }
    return {};
  }

 private:
  const Node* once(const Value& value, Op op) const {
    const Node& node = graph_.node(value.node);
    return node.op == op && uses_[static_cast<std::size_t>(value.node)] == 1 ? &node : nullptr;
  }

  const Graph& graph_;
  std::vector<int> uses_;
};

}  // namespace

// What the pooling read is copied all the same; nothing reads it any more.
void fuse_pool_affine(const Graph& from, Graph& to, const Target& target) {
  Rewriter rewriter(from, to);
  const std::vector<bool> live = live_nodes(from);
  const Matcher matcher(from);
  for (int i = 0; i < static_cast<int>(from.nodes().size()); ++i) {
    if (!live[static_cast<std::size_t>(i)]) continue;
    const Node& node = from.node(i);
    const auto match = matcher.match(node);
    if (!match || !target.fuses_pool_affine(node)) {
      rewriter.copy(i);
      continue;
    }
    to.set_scope(node.scope);
    const std::vector<Value> inputs(match->begin(), match->end());
    rewriter.set(i, to.add(Op::max_pool, rewriter.map(inputs), node.attributes));
  }
}

}  // namespace treino::compiler
