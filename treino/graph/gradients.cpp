// SPDX-License-Identifier: Apache-2.0
#include "treino/graph/gradients.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numbers>
#include <optional>

#include "treino/graph/build.h"

namespace treino {

namespace {

using namespace graph;

// What a rule sees: the node's inputs and outputs as values, and the gradient of each output.
struct Context {
  const std::vector<Value>& inputs;
  const Attributes& attributes;
  Value output;                                  // output 0; others through sibling()
  const std::vector<std::optional<Value>>& dys;  // empty: the loss does not depend on that output

  Value a() const { return inputs[0]; }
  Value b() const { return inputs[1]; }
  Value dy() const { return *dys[0]; }
  Value sibling(int k) const { return {output.graph, output.node, k}; }
  const WindowAttributes& window() const { return std::get<WindowAttributes>(attributes); }
};

// The gradient of each input, in order; a missing one means "does not depend smoothly on it".
using Gradients = std::vector<std::optional<Value>>;
using Rule = Gradients (*)(const Context&);

// Sums a gradient over the axes along which its value was broadcast from `shape`.
Value unbroadcast(Value gradient, const Shape& shape) {
  const int extra = gradient.shape().rank() - shape.rank();
  std::vector<int> axes;
  for (int axis = 0; axis < gradient.shape().rank(); ++axis) {
    const bool stretched = axis >= extra && shape[axis - extra] == 1 && gradient.shape()[axis] != 1;
    if (axis < extra || stretched) axes.push_back(axis);
  }
  return reshape(reduce_sum(gradient, std::move(axes)), shape);
}

// y with the last axis reduced, given back that axis with extent 1.
Value sum_last_axis_kept(Value y) {
  const int last = y.shape().rank() - 1;
  Shape kept = y.shape();
  kept[last] = 1;
  return reshape(reduce_sum(y, {last}), kept);
}

Value window_gradient(Op op, std::vector<Value> inputs, WindowAttributes window) {
  window.activation = Op::cast;
  return inputs[0].graph->add(op, std::move(inputs), window);
}

Gradients matmul_rule(const Context& c) {
  const auto& m = std::get<MatmulAttributes>(c.attributes);
  const Value a = c.a(), b = c.b(), dy = c.dy();
  const auto product = [&](Value left, Value right, bool transpose_left, bool transpose_right) {
    return left.graph->add(
        Op::matmul, {left, right},
        MatmulAttributes{transpose_left, transpose_right, Op::cast, m.precision});
  };
  // y = op(a) op(b); d op(a) = dy op(b)', d op(b) = op(a)' dy, transposed where op transposes.
  const Value da =
      m.transpose_a ? product(b, dy, m.transpose_b, true) : product(dy, b, false, !m.transpose_b);
  const Value db =
      m.transpose_b ? product(dy, a, true, m.transpose_a) : product(a, dy, !m.transpose_a, false);
  return {da, db};
}

Gradients batch_norm_rule(const Context& c) {
  if (c.dys[1] || c.dys[2]) {
    throw Error::mistake("batch_norm: the batch's mean and variance have no gradient of their own");
  }
  const Value dx = c.a().graph->add(
      Op::batch_norm_grad, {c.dy(), c.a(), c.inputs[1], c.sibling(1), c.sibling(2)}, c.attributes);
  return {dx, Value{dx.graph, dx.node, 1}, Value{dx.graph, dx.node, 2}};
}

Gradients cross_entropy_rule(const Context& c) {
  if (c.dys[1])
    throw Error::mistake("cross_entropy: its probabilities have no gradient of their own");
  // d/dz [sum(t) ln sum e^z - sum(t z)] = sum(t) softmax(z) - t, row by row.
  const Value targets = c.b();
  const Value rows = reshape(c.dy(), Shape{c.dy().shape()[0], 1});
  return {rows * (sum_last_axis_kept(targets) * c.sibling(1) - targets), std::nullopt};
}

Gradients transpose_rule(const Context& c) {
  const auto& axes = std::get<AxesAttributes>(c.attributes).axes;
  std::vector<int> inverse(axes.size());
  for (std::size_t i = 0; i < axes.size(); ++i)
    inverse[static_cast<std::size_t>(axes[i])] = static_cast<int>(i);
  return {transpose(c.dy(), inverse)};
}

Gradients reduce_sum_rule(const Context& c) {
  Shape kept = c.a().shape();
  for (int axis : std::get<AxesAttributes>(c.attributes).axes) kept[axis] = 1;
  return {broadcast(reshape(c.dy(), kept), c.a().shape())};
}

Gradients softmax_rule(const Context& c) {
  const Value y = c.output;
  return {y * (c.dy() - sum_last_axis_kept(c.dy() * y))};
}

Gradients pow_rule(const Context& c) {
  const Value a = c.a(), b = c.b();
  return {c.dy() * b * pow(a, b - 1.0), c.dy() * c.output * log(a)};
}

// Half of the gradient to each operand where they tie, as the derivative of (a + b + |a - b|) / 2.
Gradients extremum_rule(const Context& c, Op wins) {
  const bool larger = wins == Op::max;
  const Value a_wins = larger ? greater(c.a(), c.b()) : greater(c.b(), c.a());
  const Value share = a_wins + equal(c.a(), c.b()) * 0.5;
  return {c.dy() * share, c.dy() * (1.0 - share)};
}

constexpr double kTwoOverSqrtPi = 2 * std::numbers::inv_sqrtpi;

// Null: no gradient (piecewise constant, integer or effect); reaching one on the way is an error
// unless the op is in `is_flat`.
constexpr Rule rule_of(Op op) {
  switch (op) {
    case Op::neg:
      return [](const Context& c) -> Gradients { return {-c.dy()}; };
    case Op::abs:
      return [](const Context& c) -> Gradients { return {c.dy() * sign(c.a())}; };
    case Op::square:
      return [](const Context& c) -> Gradients { return {c.dy() * (c.a() * 2.0)}; };
    case Op::sqrt:
      return [](const Context& c) -> Gradients { return {c.dy() * 0.5 / c.output}; };
    case Op::rsqrt:
      return [](const Context& c) -> Gradients {
        return {c.dy() * (-0.5 * c.output * square(c.output))};
      };
    case Op::reciprocal:
      return [](const Context& c) -> Gradients { return {-(c.dy() * square(c.output))}; };
    case Op::exp:
      return [](const Context& c) -> Gradients { return {c.dy() * c.output}; };
    case Op::expm1:
      return [](const Context& c) -> Gradients { return {c.dy() * (c.output + 1.0)}; };
    case Op::log:
      return [](const Context& c) -> Gradients { return {c.dy() / c.a()}; };
    case Op::log1p:
      return [](const Context& c) -> Gradients { return {c.dy() / (c.a() + 1.0)}; };
    case Op::erf:
      return [](const Context& c) -> Gradients {
        return {c.dy() * (kTwoOverSqrtPi * exp(-square(c.a())))};
      };
    case Op::tanh:
      return [](const Context& c) -> Gradients { return {c.dy() * (1.0 - square(c.output))}; };
    case Op::sigmoid:
      return [](const Context& c) -> Gradients { return {c.dy() * (c.output * (1.0 - c.output))}; };
    case Op::softplus:
      return [](const Context& c) -> Gradients { return {c.dy() * sigmoid(c.a())}; };
    case Op::relu:  // 0 at 0
      return [](const Context& c) -> Gradients {
        return {c.dy() * greater(c.output, constant(*c.output.graph, 0, c.output.dtype()))};
      };
    case Op::cast:
      return [](const Context& c) -> Gradients {
        if (!is_float(c.a().dtype())) return {std::nullopt};
        return {cast(c.dy(), c.a().dtype())};
      };
    case Op::add:
      return [](const Context& c) -> Gradients { return {c.dy(), c.dy()}; };
    case Op::sub:
      return [](const Context& c) -> Gradients { return {c.dy(), -c.dy()}; };
    case Op::mul:
      return [](const Context& c) -> Gradients { return {c.dy() * c.b(), c.dy() * c.a()}; };
    case Op::div:
      return [](const Context& c) -> Gradients {
        return {c.dy() / c.b(), -(c.dy() * c.output / c.b())};
      };
    case Op::pow:
      return pow_rule;
    case Op::max:
      return [](const Context& c) -> Gradients { return extremum_rule(c, Op::max); };
    case Op::min:
      return [](const Context& c) -> Gradients { return extremum_rule(c, Op::min); };
    case Op::select:
      return [](const Context& c) -> Gradients {
        const Value zero = constant(*c.output.graph, 0, c.output.dtype());
        return {std::nullopt, select(c.a(), c.dy(), zero), select(c.a(), zero, c.dy())};
      };
    case Op::cos:
      return [](const Context& c) -> Gradients {  // sin a = cos(a - pi / 2)
        return {-(c.dy() * cos(c.a() - std::numbers::pi / 2))};
      };
    case Op::reshape:
      return [](const Context& c) -> Gradients { return {reshape(c.dy(), c.a().shape())}; };
    case Op::transpose:
      return transpose_rule;
    case Op::broadcast:
      return [](const Context& c) -> Gradients { return {unbroadcast(c.dy(), c.a().shape())}; };
    case Op::reduce_sum:
      return reduce_sum_rule;
    case Op::gather_rows:
      return [](const Context& c) -> Gradients {
        if (!is_float(c.a().dtype())) return {std::nullopt};
        return {scatter_rows(c.dy(), c.b(), c.a().shape()), std::nullopt};
      };
    case Op::matmul:
      return matmul_rule;
    case Op::conv2d:
      return [](const Context& c) -> Gradients {
        return {window_gradient(Op::conv2d_grad_input, {c.dy(), c.b()}, c.window()),
                window_gradient(Op::conv2d_grad_kernel, {c.a(), c.dy()}, c.window())};
      };
    case Op::max_pool:
      return [](const Context& c) -> Gradients {
        return {window_gradient(Op::max_pool_grad, {c.dy(), c.a(), c.output}, c.window())};
      };
    case Op::avg_pool:
      return [](const Context& c) -> Gradients {
        return {window_gradient(Op::avg_pool_grad, {c.dy()}, c.window())};
      };
    case Op::batch_norm:
      return batch_norm_rule;
    case Op::softmax:
      return softmax_rule;
    case Op::cross_entropy:
      return cross_entropy_rule;
    default:
      return nullptr;
  }
}

// Ops whose derivative is zero wherever it exists: a gradient simply stops there.
constexpr bool is_flat(Op op) {
  switch (op) {
    case Op::variable:
    case Op::constant:
    case Op::sign:
    case Op::floor:
    case Op::is_finite:
    case Op::greater:
    case Op::greater_equal:
    case Op::equal:
    case Op::argmax:
    case Op::window:
    case Op::one_hot:
    case Op::dropout_mask:
      return true;
    default:
      return false;
  }
}

// Which nodes lie on a way from one of `sources` forward; only they need gradients.
std::vector<bool> reached_from(const Graph& graph, const std::vector<Value>& sources) {
  std::vector<bool> reached(graph.nodes().size(), false);
  for (const Value& source : sources) reached[static_cast<std::size_t>(source.node)] = true;
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    for (const Value& input : graph.nodes()[i].inputs) {
      if (reached[static_cast<std::size_t>(input.node)]) reached[i] = true;
    }
  }
  return reached;
}

}  // namespace

std::vector<Value> gradients(Graph& graph, Value loss, const std::vector<Value>& with_respect_to) {
  const std::vector<bool> needed = reached_from(graph, with_respect_to);
  const std::string outer_scope = graph.scope();
  std::vector<std::vector<std::optional<Value>>> accumulated(static_cast<std::size_t>(loss.node) +
                                                             1);
  const auto slot = [&](const Value& value) -> std::optional<Value>& {
    auto& outputs = accumulated[static_cast<std::size_t>(value.node)];
    outputs.resize(graph.node(value.node).outputs.size());
    return outputs[static_cast<std::size_t>(value.output)];
  };
  slot(loss) = constant(graph, 1, loss.dtype());

  for (int i = loss.node; i >= 0; --i) {
    const auto dys = accumulated[static_cast<std::size_t>(i)];
    if (dys.empty() || !needed[static_cast<std::size_t>(i)]) continue;
    const Op op = graph.node(i).op;
    if (is_flat(op)) continue;
    graph.set_scope(graph.node(i).scope);
    // The node is copied: rules append to the graph, which moves its nodes.
    const std::vector<Value> inputs = graph.node(i).inputs;
    const Attributes attributes = graph.node(i).attributes;
    const Rule rule = rule_of(op);
    if (rule == nullptr) throw Error::mistake(fmt::format("{} has no gradient", name(op)));
    auto complete = dys;
    complete.resize(graph.node(i).outputs.size());
    if (!complete[0]) {
      const TensorType type = graph.node(i).outputs[0];
      complete[0] = constant(graph, 0, type.dtype, type.shape);
    }
    const Gradients dxs = rule({inputs, attributes, Value{&graph, i, 0}, complete});
    for (std::size_t k = 0; k < dxs.size(); ++k) {
      if (!dxs[k] || !needed[static_cast<std::size_t>(inputs[k].node)]) continue;
      std::optional<Value>& sum = slot(inputs[k]);
      sum = sum ? *sum + *dxs[k] : *dxs[k];
    }
  }
  graph.set_scope(outer_scope);

  std::vector<Value> results;
  for (const Value& x : with_respect_to) {
    const auto& found = x.node <= loss.node ? accumulated[static_cast<std::size_t>(x.node)]
                                            : std::vector<std::optional<Value>>{};
    const std::size_t k = static_cast<std::size_t>(x.output);
    results.push_back(k < found.size() && found[k] ? *found[k]
                                                   : constant(graph, 0, x.dtype(), x.shape()));
  }
  return results;
}

}  // namespace treino
