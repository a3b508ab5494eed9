// SPDX-License-Identifier: Apache-2.0
#include "treino/compiler/passes.h"
#include "treino/compiler/rewrite.h"

namespace treino::compiler {

namespace {

Op& activation_of(Attributes& attributes) {
  if (auto* matmul = std::get_if<MatmulAttributes>(&attributes)) return matmul->activation;
  return std::get<WindowAttributes>(attributes).activation;
}

bool is_product(const Node& node) {
  return node.op == Op::matmul || node.op == Op::conv2d;
}

// `product + bias`: the product with a third input, when it has room for one and nobody else reads
// it.
bool takes_bias(const Graph& from, const Node& sum, int side, const std::vector<int>& uses,
                const Target& target) {
  const Value& product = sum.inputs[static_cast<std::size_t>(side)];
  const Node& node = from.node(product.node);
  if (!is_product(node) || node.inputs.size() != 2 ||
      uses[static_cast<std::size_t>(product.node)] != 1) {
    return false;
  }
  Attributes attributes = node.attributes;
  return activation_of(attributes) == Op::cast &&
         last_axis_vector(sum.inputs[static_cast<std::size_t>(1 - side)]) != nullptr &&
         target.fuses_bias(node);
}

}  // namespace

// Each pass over a node looks only at what stands before it in the *old* graph, and remembers in
// `merged` which sums have become products with a bias, so that an activation can follow.
void fuse_epilogues(const Graph& from, Graph& to, const Target& target) {
  Rewriter rewriter(from, to);
  const std::vector<bool> live = live_nodes(from);
  const std::vector<int> uses = use_counts(from, live);
  for (int i = 0; i < static_cast<int>(from.nodes().size()); ++i) {
    if (!live[static_cast<std::size_t>(i)]) continue;
    const Node& node = from.node(i);
    to.set_scope(node.scope);
    if (node.op == Op::add) {
      const int side = takes_bias(from, node, 0, uses, target)   ? 0
                       : takes_bias(from, node, 1, uses, target) ? 1
                                                                 : -1;
      if (side >= 0) {
        const Node& product = from.node(node.inputs[static_cast<std::size_t>(side)].node);
        std::vector<Value> inputs = rewriter.map(product.inputs);
        inputs.push_back(
            rewriter.map(*last_axis_vector(node.inputs[static_cast<std::size_t>(1 - side)])));
        rewriter.set(i, to.add(product.op, std::move(inputs), product.attributes));
        continue;
      }
    }
    const bool unary =
        info(node.op).kind == OpKind::elementwise && node.inputs.size() == 1 && node.op != Op::cast;
    if (unary && uses[static_cast<std::size_t>(node.inputs[0].node)] == 1) {
      const Value mapped = rewriter.map(node.inputs[0]);
      const Node before = to.node(mapped.node);
      Attributes attributes = before.attributes;
      if (is_product(before) && activation_of(attributes) == Op::cast &&
          target.fuses_activation(before, node.op)) {
        activation_of(attributes) = node.op;
        rewriter.set(i, to.add(before.op, before.inputs, std::move(attributes)));
        continue;
      }
    }
    rewriter.copy(i);
  }
}

}  // namespace treino::compiler
