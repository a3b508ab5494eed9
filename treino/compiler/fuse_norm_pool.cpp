// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "treino/compiler/passes.h"
#include "treino/compiler/rewrite.h"

namespace treino::compiler {

namespace {

// A batch norm read by one max_pool alone, and what the differentiate pass made of the pair.
struct Match {
  int norm = -1, pool = -1;
  int pool_grad = -1, norm_grad = -1;  // -1: no gradient is taken
  int mask = -1;                       // dx * (x > 0), when that is all that reads dx
  std::vector<int> sums;               // of the (masked) dx over all axes but the last
};

class Matcher {
 public:
  explicit Matcher(const Graph& graph) : graph_(graph), readers_(graph.nodes().size()) {
    const std::vector<bool> live = live_nodes(graph);
    for (int i = 0; i < static_cast<int>(graph.nodes().size()); ++i) {
      if (!live[index(i)]) continue;
      for (const Value& input : graph.node(i).inputs) {
        auto& all = readers_[index(input.node)];
        if (all.empty() || all.back() != i) all.push_back(i);
      }
    }
  }

  std::optional<Match> match(int norm) const {
    const Node& node = graph_.node(norm);
    if (node.op != Op::batch_norm || node.inputs[0].shape().rank() != 4) return {};
    Match m;
    m.norm = norm;
    for (int reader : readers_of({node.inputs[0].graph, norm, 0})) {
      const Op op = graph_.node(reader).op;
      int& place = op == Op::max_pool ? m.pool : m.pool_grad;
      if ((op != Op::max_pool && op != Op::max_pool_grad) || place >= 0) return {};
      place = reader;
    }
    if (m.pool < 0) return {};
    if (m.pool_grad >= 0 && !match_gradient(m)) return {};
    return m;
  }

 private:
  static std::size_t index(int i) { return static_cast<std::size_t>(i); }

  std::vector<int> readers_of(const Value& value) const {
    std::vector<int> found;
    for (int reader : readers_[index(value.node)]) {
      const std::vector<Value>& inputs = graph_.node(reader).inputs;
      if (std::any_of(inputs.begin(), inputs.end(), [&](const Value& input) {
            return input.node == value.node && input.output == value.output;
          })) {
        found.push_back(reader);
      }
    }
    return found;
  }

  static bool same(const Value& a, const Value& b) {
    return a.node == b.node && a.output == b.output;
  }

  bool match_gradient(Match& m) const {
    const Node &norm = graph_.node(m.norm), &pool = graph_.node(m.pool);
    const Node& pool_grad = graph_.node(m.pool_grad);
    Graph* graph = norm.inputs[0].graph;
    if (!same(pool_grad.inputs[1], {graph, m.norm, 0}) ||
        !same(pool_grad.inputs[2], {graph, m.pool, 0}) ||
        !(pool_grad.attributes == pool.attributes)) {
      return false;
    }
    const std::vector<int> readers = readers_of({graph, m.pool_grad, 0});
    if (readers.size() != 1 || graph_.node(readers[0]).op != Op::batch_norm_grad) return false;
    m.norm_grad = readers[0];
    const Node& grad = graph_.node(m.norm_grad);
    if (!same(grad.inputs[0], {graph, m.pool_grad, 0}) || !same(grad.inputs[1], norm.inputs[0]) ||
        !same(grad.inputs[2], norm.inputs[1]) || !same(grad.inputs[3], {graph, m.norm, 1}) ||
        !same(grad.inputs[4], {graph, m.norm, 2}) || !(grad.attributes == norm.attributes)) {
      return false;
    }
    const std::vector<int> dx_readers = readers_of({graph, m.norm_grad, 0});
    if (dx_readers.size() == 1 && is_mask(dx_readers[0], m.norm_grad, norm.inputs[0]))
      m.mask = dx_readers[0];
    for (int reader : readers_of({graph, m.mask >= 0 ? m.mask : m.norm_grad, 0})) {
      const auto* axes = std::get_if<AxesAttributes>(&graph_.node(reader).attributes);
      if (graph_.node(reader).op == Op::reduce_sum && axes->axes == std::vector<int>{0, 1, 2})
        m.sums.push_back(reader);
    }
    return true;
  }

  bool is_zero(const Value& value) const {
    const auto* constant = std::get_if<ConstantAttributes>(&graph_.node(value.node).attributes);
    return constant != nullptr && constant->value == 0;
  }

  // gradient * (x > 0), in either order.
  bool is_mask(int node, int gradient, const Value& x) const {
    const Node& mul = graph_.node(node);
    if (mul.op != Op::mul) return false;
    for (std::size_t side = 0; side < 2; ++side) {
      const Node& step = graph_.node(mul.inputs[1 - side].node);
      if (mul.inputs[side].node == gradient && mul.inputs[side].output == 0 &&
          step.op == Op::greater && same(step.inputs[0], x) && is_zero(step.inputs[1])) {
        return true;
      }
    }
    return false;
  }

  const Graph& graph_;
  std::vector<std::vector<int>> readers_;
};

}  // namespace

// Nodes are replaced where the first op that needs all inputs stood: the pool's op takes the place
// of the norm, the gradient's that of norm_grad. max_pool_grad itself is not copied.
void fuse_norm_pool(const Graph& from, Graph& to, const Target& target) {
  Rewriter rewriter(from, to);
  const std::vector<bool> live = live_nodes(from);
  const Matcher matcher(from);
  const int count = static_cast<int>(from.nodes().size());
  std::vector<std::optional<Match>> at(static_cast<std::size_t>(count));
  std::vector<bool> gone(static_cast<std::size_t>(count), false);
  const auto claim = [&](int node) { gone[static_cast<std::size_t>(node)] = true; };
  for (int i = 0; i < count; ++i) {
    if (!live[static_cast<std::size_t>(i)]) continue;
    const std::optional<Match> match = matcher.match(i);
    if (!match || !target.fuses_norm_pool(from.node(match->pool))) continue;
    at[static_cast<std::size_t>(i)] = match;
    claim(match->pool);
    if (match->norm_grad < 0) continue;
    at[static_cast<std::size_t>(match->norm_grad)] = match;
    claim(match->pool_grad);
    if (match->mask >= 0) claim(match->mask);
    for (int sum : match->sums) claim(sum);
  }
  for (int i = 0; i < count; ++i) {
    if (!live[static_cast<std::size_t>(i)] || gone[static_cast<std::size_t>(i)]) continue;
    const std::optional<Match>& match = at[static_cast<std::size_t>(i)];
    if (!match) {
      rewriter.copy(i);
      continue;
    }
    const Node &norm = from.node(match->norm), &pool = from.node(match->pool);
    NormPoolAttributes attributes{std::get<WindowAttributes>(pool.attributes),
                                  std::get<NormAttributes>(norm.attributes).epsilon};
    to.set_scope(norm.scope);
    if (i == match->norm) {
      const Value y = to.add(Op::batch_norm_pool, rewriter.map(norm.inputs), attributes);
      rewriter.set(match->pool, y);
      for (int k = 0; k < 3; ++k) rewriter.set(i, {&to, y.node, k == 0 ? 3 : k}, k);
      continue;
    }
    if (match->mask >= 0) attributes.window.activation = Op::relu;
    Graph* old = norm.inputs[0].graph;
    const std::vector<Value> inputs{from.node(match->pool_grad).inputs[0],
                                    norm.inputs[0],
                                    {old, match->norm, 0},  // now the chosen x
                                    norm.inputs[1],
                                    {old, match->norm, 1},
                                    {old, match->norm, 2}};
    const Value dx = to.add(Op::batch_norm_pool_grad, rewriter.map(inputs), attributes);
    for (int k = 0; k < 3; ++k) rewriter.set(i, {&to, dx.node, k}, k);
    if (match->mask >= 0) rewriter.set(match->mask, dx);
    for (int sum : match->sums) rewriter.set(sum, {&to, dx.node, 3});
  }
}

}  // namespace treino::compiler
