// SPDX-License-Identifier: Apache-2.0
#include "treino/graph/build.h"

#include <fmt/format.h>

#include <algorithm>

namespace treino::graph {

namespace {

// The shape two operands broadcast to, as numpy does it: axes aligned at the right, 1 stretches.
Shape common_shape(const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  std::vector<std::int64_t> extents(static_cast<std::size_t>(rank));
  for (int i = 1; i <= rank; ++i) {
    const std::int64_t ea = i <= a.rank() ? a[a.rank() - i] : 1;
    const std::int64_t eb = i <= b.rank() ? b[b.rank() - i] : 1;
    if (ea != eb && ea != 1 && eb != 1) {
      throw Error::mistake(
          fmt::format("{} and {} do not broadcast to one shape", to_string(a), to_string(b)));
    }
    extents[static_cast<std::size_t>(rank - i)] = ea == 1 ? eb : ea;
  }
  return Shape(extents);
}

}  // namespace

Value constant(Graph& graph, double value, DType dtype, Shape shape) {
  return graph.add(Op::constant, {}, ConstantAttributes{value, {shape, dtype}});
}

Value unary(Op op, Value a) {
  return a.graph->add(op, {a});
}

Value binary(Op op, Value a, Value b) {
  const Shape shape = common_shape(a.shape(), b.shape());
  return a.graph->add(op, {broadcast(a, shape), broadcast(b, shape)});
}

Value select(Value condition, Value a, Value b) {
  const Shape shape = common_shape(condition.shape(), common_shape(a.shape(), b.shape()));
  return a.graph->add(Op::select,
                      {broadcast(condition, shape), broadcast(a, shape), broadcast(b, shape)});
}

Value cast(Value a, DType dtype) {
  if (a.dtype() == dtype) return a;
  return a.graph->add(Op::cast, {a}, TypeAttributes{{a.shape(), dtype}});
}

Value operator_scalar(Op op, Value a, double b) {
  return binary(op, a, constant(*a.graph, b, a.dtype()));
}

Value operator_scalar(Op op, double a, Value b) {
  return binary(op, constant(*b.graph, a, b.dtype()), b);
}

Value reshape(Value a, Shape shape) {
  if (a.shape() == shape) return a;
  return a.graph->add(Op::reshape, {a}, TypeAttributes{{shape, a.dtype()}});
}

Value transpose(Value a, std::vector<int> axes) {
  if (std::is_sorted(axes.begin(), axes.end())) return a;
  return a.graph->add(Op::transpose, {a}, AxesAttributes{std::move(axes)});
}

Value broadcast(Value a, Shape shape) {
  if (a.shape() == shape) return a;
  return a.graph->add(Op::broadcast, {a}, TypeAttributes{{shape, a.dtype()}});
}

Value reduce_sum(Value a, std::vector<int> axes) {
  if (axes.empty()) return a;
  return a.graph->add(Op::reduce_sum, {a}, AxesAttributes{std::move(axes)});
}

Value reduce_max(Value a, std::vector<int> axes) {
  if (axes.empty()) return a;
  return a.graph->add(Op::reduce_max, {a}, AxesAttributes{std::move(axes)});
}

Value mean(Value a, std::vector<int> axes) {
  double count = 1;
  for (int axis : axes) count *= static_cast<double>(a.shape()[axis]);
  return reduce_sum(a, std::move(axes)) * (1 / count);
}

Value argmax(Value a) {
  return a.graph->add(Op::argmax, {a});
}

Value window(Value table, Value start, std::int64_t count) {
  return table.graph->add(Op::window, {table, start},
                          TypeAttributes{{Shape{count}, table.dtype()}});
}

Value gather_rows(Value table, Value indices) {
  return table.graph->add(Op::gather_rows, {table, indices});
}

Value scatter_rows(Value dy, Value indices, Shape table) {
  return dy.graph->add(Op::scatter_rows, {dy, indices}, TypeAttributes{{table, dy.dtype()}});
}

Value one_hot(Value labels, std::int64_t classes) {
  return labels.graph->add(Op::one_hot, {labels},
                           TypeAttributes{{Shape{labels.shape()[0], classes}, DType::f32}});
}

Value augment(Value samples, Value seed, Value position, AugmentAttributes attributes) {
  return seed.graph->add(Op::augment, {samples, seed, position}, attributes);
}

Value dropout_mask(Value seed, Value position, DropoutAttributes attributes) {
  return seed.graph->add(Op::dropout_mask, {seed, position}, std::move(attributes));
}

Value matmul(Value a, Value b, bool transpose_a, bool transpose_b) {
  return a.graph->add(Op::matmul, {a, b},
                      MatmulAttributes{transpose_a, transpose_b, Op::cast, a.graph->precision()});
}

Value conv2d(Value x, Value kernel, WindowAttributes window) {
  window.input = x.shape();
  window.kernel = kernel.shape();
  window.size = {kernel.shape()[0], kernel.shape()[1]};
  window.precision = x.graph->precision();
  return x.graph->add(Op::conv2d, {x, kernel}, window);
}

Value max_pool(Value x, WindowAttributes window) {
  window.input = x.shape();
  return x.graph->add(Op::max_pool, {x}, window);
}

Value avg_pool(Value x, WindowAttributes window) {
  window.input = x.shape();
  return x.graph->add(Op::avg_pool, {x}, window);
}

BatchNormValues batch_norm(Value x, Value gamma, Value beta, double epsilon) {
  const Value y = x.graph->add(Op::batch_norm, {x, gamma, beta}, NormAttributes{epsilon});
  return {y, {y.graph, y.node, 1}, {y.graph, y.node, 2}};
}

Value softmax(Value logits) {
  return logits.graph->add(Op::softmax, {logits});
}

Value cross_entropy(Value logits, Value targets) {
  return logits.graph->add(Op::cross_entropy, {logits, targets});
}

Value gradient(Value loss, Value with_respect_to) {
  return loss.graph->add(Op::gradient, {loss, with_respect_to});
}

void assign(Value variable, Value value) {
  variable.graph->add(Op::assign, {variable, value});
}

}  // namespace treino::graph
