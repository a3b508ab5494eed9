// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <optional>

#include "treino/compiler/passes.h"
#include "treino/compiler/rewrite.h"
#include "treino/graph/build.h"

namespace treino::compiler {

namespace {

// The number a value is filled with, seen through broadcasts and reshapes.
std::optional<double> constant_of(const Value& value) {
  const Node& node = value.graph->node(value.node);
  if (node.op != Op::constant) return std::nullopt;
  return std::get<ConstantAttributes>(node.attributes).value;
}

// Only ops whose double result is the same on every device; the rest is left to run.
std::optional<double> evaluate(Op op, const std::vector<double>& x) {
  switch (op) {
    case Op::neg:
      return -x[0];
    case Op::abs:
      return std::fabs(x[0]);
    case Op::square:
      return x[0] * x[0];
    case Op::sqrt:
      return std::sqrt(x[0]);
    case Op::reciprocal:
      return 1 / x[0];
    case Op::exp:
      return std::exp(x[0]);
    case Op::expm1:
      return std::expm1(x[0]);
    case Op::log:
      return std::log(x[0]);
    case Op::log1p:
      return std::log1p(x[0]);
    case Op::cos:
      return std::cos(x[0]);
    case Op::floor:
      return std::floor(x[0]);
    case Op::add:
      return x[0] + x[1];
    case Op::sub:
      return x[0] - x[1];
    case Op::mul:
      return x[0] * x[1];
    case Op::div:
      return x[0] / x[1];
    case Op::max:
      return std::fmax(x[0], x[1]);
    case Op::min:
      return std::fmin(x[0], x[1]);
    default:
      return std::nullopt;
  }
}

std::optional<Value> fold_constants(Graph& to, const Node& node, const std::vector<Value>& inputs) {
  if (node.outputs.size() != 1 || inputs.empty()) return std::nullopt;
  std::vector<double> numbers;
  for (const Value& input : inputs) {
    const auto number = constant_of(input);
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  const TensorType& type = node.outputs[0];
  const bool moves = node.op == Op::reshape || node.op == Op::broadcast || node.op == Op::transpose;
  std::optional<double> result;
  if (moves || node.op == Op::reduce_max || (node.op == Op::cast && is_float(type.dtype))) {
    result = numbers[0];
  } else if (node.op == Op::reduce_sum) {
    result = numbers[0] * static_cast<double>(inputs[0].shape().elements() / type.shape.elements());
  } else if (is_float(type.dtype)) {
    result = evaluate(node.op, numbers);
  }
  if (!result) return std::nullopt;
  return graph::constant(to, *result, type.dtype, type.shape);
}

// What a node does nothing to: x + 0, x - 0, x 1, x / 1, and movement that moves nothing.
std::optional<Value> identity_operand(const Node& node, const std::vector<Value>& inputs) {
  const auto is = [&](std::size_t k, double number) { return constant_of(inputs[k]) == number; };
  switch (node.op) {
    case Op::add:
      if (is(0, 0)) return inputs[1];
      [[fallthrough]];
    case Op::sub:
      return is(1, 0) ? std::optional(inputs[0]) : std::nullopt;
    case Op::mul:
      if (is(0, 1)) return inputs[1];
      [[fallthrough]];
    case Op::div:
      return is(1, 1) ? std::optional(inputs[0]) : std::nullopt;
    case Op::reshape:
    case Op::broadcast:
    case Op::cast:
      return inputs[0].type() == node.outputs[0] ? std::optional(inputs[0]) : std::nullopt;
    default:
      return std::nullopt;
  }
}

// (x c) d = x (c d): gradients of means and scaled losses leave such chains.
std::optional<Value> merge_factors(const Node& node, const std::vector<Value>& inputs) {
  if (node.op != Op::mul || !is_float(node.outputs[0].dtype)) return std::nullopt;
  for (std::size_t side : {0u, 1u}) {
    const auto outer = constant_of(inputs[side]);
    const Node& inner = inputs[1 - side].graph->node(inputs[1 - side].node);
    if (!outer || inner.op != Op::mul) continue;
    for (std::size_t k : {0u, 1u}) {
      if (const auto factor = constant_of(inner.inputs[k])) {
        const Value x = inner.inputs[1 - k];
        return graph::binary(Op::mul, x,
                             graph::constant(*x.graph, *outer * *factor, x.dtype(), x.shape()));
      }
    }
  }
  return std::nullopt;
}

// reshape of reshape, and a sum over axes of extent 1, are one reshape.
std::optional<Value> merge_reshapes(const Node& node, const std::vector<Value>& inputs) {
  if (node.op == Op::reduce_sum &&
      inputs[0].shape().elements() == node.outputs[0].shape.elements()) {
    return graph::reshape(inputs[0], node.outputs[0].shape);
  }
  if (node.op != Op::reshape) return std::nullopt;
  const Node& before = inputs[0].graph->node(inputs[0].node);
  if (before.op != Op::reshape) return std::nullopt;
  return graph::reshape(before.inputs[0], node.outputs[0].shape);
}

// An elementwise op on two equal broadcasts works on the smaller tensor: b(x) * c -> b(x * c).
std::optional<Value> sink_broadcast(Graph& to, const Node& node, const std::vector<Value>& inputs) {
  if (info(node.op).kind != OpKind::elementwise || node.op == Op::select) return std::nullopt;
  std::optional<Shape> small;
  for (const Value& input : inputs) {
    const Node& before = input.graph->node(input.node);
    if (before.op == Op::constant) continue;
    if (before.op != Op::broadcast || (small && !(*small == before.inputs[0].shape())))
      return std::nullopt;
    small = before.inputs[0].shape();
  }
  if (!small) return std::nullopt;
  std::vector<Value> operands;
  for (const Value& input : inputs) {
    const Node& before = input.graph->node(input.node);
    operands.push_back(before.op == Op::constant
                           ? graph::constant(to, *constant_of(input), input.dtype(), *small)
                           : before.inputs[0]);
  }
  return graph::broadcast(to.add(node.op, std::move(operands), node.attributes),
                          node.outputs[0].shape);
}

}  // namespace

void fold(const Graph& from, Graph& to, const Target&) {
  Rewriter rewriter(from, to);
  const std::vector<bool> live = live_nodes(from);
  for (int i = 0; i < static_cast<int>(from.nodes().size()); ++i) {
    if (!live[static_cast<std::size_t>(i)]) continue;
    const Node& node = from.node(i);
    if (node.op == Op::variable) continue;
    to.set_scope(node.scope);
    const std::vector<Value> inputs = rewriter.map(node.inputs);
    std::optional<Value> value = fold_constants(to, node, inputs);
    if (!value) value = identity_operand(node, inputs);
    if (!value) value = merge_factors(node, inputs);
    if (!value) value = merge_reshapes(node, inputs);
    if (!value) value = sink_broadcast(to, node, inputs);
    if (value) {
      rewriter.set(i, *value);
    } else {
      rewriter.copy(i);
    }
  }
}

}  // namespace treino::compiler
