// SPDX-License-Identifier: Apache-2.0
// The output types of each op, given its inputs' types.
#include <fmt/format.h>

#include <algorithm>

#include "treino/graph/graph.h"

namespace treino {

namespace {

using Inputs = std::span<const Value>;
using Types = std::vector<TensorType>;

std::string type_text(const Value& value) {
  return fmt::format("{}{}", to_string(value.dtype()), to_string(value.shape()));
}

[[noreturn]] void refuse(Op op, Inputs inputs, std::string_view wants) {
  std::string got;
  for (const Value& input : inputs) got += (got.empty() ? "" : ", ") + type_text(input);
  throw Error::mistake(fmt::format("{} wants {}, got {}", name(op), wants, got));
}

void demand(bool holds, Op op, Inputs inputs, std::string_view wants) {
  if (!holds) refuse(op, inputs, wants);
}

TensorType elementwise_type(Op op, Inputs inputs, const Attributes& attributes) {
  for (const Value& input : inputs) {
    demand(input.shape() == inputs[0].shape(), op, inputs, "operands of one shape");
    demand(input.dtype() == inputs[0].dtype(), op, inputs, "operands of one type");
  }
  if (op == Op::cast) return {inputs[0].shape(), std::get<TypeAttributes>(attributes).type.dtype};
  return inputs[0].type();
}

TensorType reduced_type(Op op, Inputs inputs, const Attributes& attributes) {
  const auto& axes = std::get<AxesAttributes>(attributes).axes;
  const Shape& shape = inputs[0].shape();
  demand(
      std::is_sorted(axes.begin(), axes.end()) &&
          std::adjacent_find(axes.begin(), axes.end()) == axes.end() &&
          std::all_of(axes.begin(), axes.end(), [&](int a) { return a >= 0 && a < shape.rank(); }),
      op, inputs, "ascending axes of its input");
  Shape kept;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (std::find(axes.begin(), axes.end(), axis) == axes.end()) kept.append(shape[axis]);
  }
  return {kept, inputs[0].dtype()};
}

TensorType transposed_type(Op op, Inputs inputs, const Attributes& attributes) {
  const auto& axes = std::get<AxesAttributes>(attributes).axes;
  const Shape& shape = inputs[0].shape();
  std::vector<int> sorted = axes;
  std::sort(sorted.begin(), sorted.end());
  Shape result;
  for (int i = 0; i < static_cast<int>(sorted.size()); ++i) {
    demand(sorted[static_cast<std::size_t>(i)] == i, op, inputs, "a permutation of its axes");
  }
  demand(static_cast<int>(axes.size()) == shape.rank(), op, inputs, "a permutation of its axes");
  for (int axis : axes) result.append(shape[axis]);
  return {result, inputs[0].dtype()};
}

TensorType matmul_type(Op op, Inputs inputs, const Attributes& attributes) {
  const auto& matmul = std::get<MatmulAttributes>(attributes);
  const Shape &a = inputs[0].shape(), &b = inputs[1].shape();
  demand(a.rank() == 2 && b.rank() == 2, op, inputs, "two matrices");
  const std::int64_t m = a[matmul.transpose_a], inner_a = a[!matmul.transpose_a];
  const std::int64_t n = b[!matmul.transpose_b], inner_b = b[matmul.transpose_b];
  demand(inner_a == inner_b, op, inputs, "equal inner extents");
  demand(inputs.size() < 3 || inputs[2].shape() == Shape{n}, op, inputs,
         "a bias of the output's columns");
  return {Shape{m, n}, inputs[0].dtype()};
}

TensorType conv2d_type(Op op, Inputs inputs, const Attributes& attributes) {
  const auto& window = std::get<WindowAttributes>(attributes);
  const Shape &x = inputs[0].shape(), &kernel = inputs[1].shape();
  demand(x.rank() == 4 && kernel.rank() == 4, op, inputs, "NHWC images and an HWIO kernel");
  demand(window.input == x && window.kernel == kernel, op, inputs,
         "the shapes its attributes name");
  demand(x[3] == kernel[2] * window.groups && kernel[3] % window.groups == 0, op, inputs,
         "channels that fit the kernel and its groups");
  demand(inputs.size() < 3 || inputs[2].shape() == Shape{kernel[3]}, op, inputs, "a bias a filter");
  const Shape y{x[0], window.output_extent(0), window.output_extent(1), kernel[3]};
  demand(y[1] > 0 && y[2] > 0, op, inputs, "a kernel no larger than the padded image");
  return {y, inputs[0].dtype()};
}

TensorType pool_type(Op op, Inputs inputs, const Attributes& attributes) {
  const auto& window = std::get<WindowAttributes>(attributes);
  const Shape& x = inputs[0].shape();
  demand(x.rank() == 4 && window.input == x, op, inputs, "NHWC images");
  const Shape y{x[0], window.output_extent(0), window.output_extent(1), x[3]};
  demand(y[1] > 0 && y[2] > 0, op, inputs, "a window no larger than the padded image");
  return {y, inputs[0].dtype()};
}

Types batch_norm_types(Op op, Inputs inputs) {
  const bool is_gradient = op == Op::batch_norm_grad;
  const Value& x = inputs[is_gradient ? 1 : 0];
  demand(x.shape().rank() >= 2, op, inputs, "an input with a batch axis and a channel axis");
  const TensorType channels{Shape{x.shape().back()}, x.dtype()};
  for (std::size_t i = is_gradient ? 2 : 1; i < inputs.size(); ++i) {
    demand(inputs[i].type() == channels, op, inputs, "one number a channel");
  }
  return {x.type(), channels, channels};
}

// (x, gamma, beta) or (dy, x, chosen, gamma, mean, var).
Types norm_pool_types(Op op, Inputs inputs, const Attributes& attributes) {
  const bool is_gradient = op == Op::batch_norm_pool_grad;
  const WindowAttributes& window = std::get<NormPoolAttributes>(attributes).window;
  const Value& x = inputs[is_gradient ? 1 : 0];
  const TensorType pooled = pool_type(op, inputs.subspan(is_gradient ? 1 : 0), window);
  const TensorType channels{Shape{x.shape().back()}, x.dtype()};
  for (std::size_t i = is_gradient ? 3 : 1; i < inputs.size(); ++i)
    demand(inputs[i].type() == channels, op, inputs, "one number a channel");
  if (!is_gradient) return {pooled, channels, channels, pooled};
  demand(inputs[0].type() == pooled && inputs[2].type() == pooled, op, inputs,
         "the pooled shape of its first and third input");
  return {x.type(), channels, channels, channels};
}

Types gather_types(Op op, Inputs inputs, const Attributes& attributes) {
  if (op == Op::window) {
    demand(inputs[0].shape().rank() == 1 && inputs[1].type() == TensorType{Shape{}, DType::i64}, op,
           inputs, "a rank-1 table and an i64 start");
    return {{std::get<TypeAttributes>(attributes).type.shape, inputs[0].dtype()}};
  }
  if (op == Op::one_hot) {
    const Shape& shape = std::get<TypeAttributes>(attributes).type.shape;
    demand(inputs[0].shape().rank() == 1 && inputs[0].dtype() == DType::i32 && shape.rank() == 2 &&
               shape[0] == inputs[0].shape()[0],
           op, inputs, "i32 labels");
    return {{shape, DType::f32}};
  }
  if (op == Op::scatter_rows) {
    const Shape &table = std::get<TypeAttributes>(attributes).type.shape, &dy = inputs[0].shape();
    demand(is_float(inputs[0].dtype()) &&
               inputs[1].type() == TensorType{Shape{dy[0]}, DType::i32} &&
               table.rank() == dy.rank() && table.sub(1, table.rank()) == dy.sub(1, dy.rank()),
           op, inputs, "rows of the table and their i32 indices");
    return {{table, inputs[0].dtype()}};
  }
  demand(inputs[0].shape().rank() >= 1 && inputs[1].shape().rank() == 1 &&
             inputs[1].dtype() == DType::i32,
         op, inputs, "a table and i32 indices");
  Shape shape{inputs[1].shape()[0]};
  for (int axis = 1; axis < inputs[0].shape().rank(); ++axis) shape.append(inputs[0].shape()[axis]);
  return {{shape, inputs[0].dtype()}};
}

TensorType augmented_type(Op op, Inputs inputs, const Attributes& attributes) {
  const bool mixes = std::get<AugmentAttributes>(attributes).change == Change::mixup;
  const Shape& shape = inputs[0].shape();
  demand(mixes ? shape.rank() >= 1 : shape.rank() == 4, op, inputs, "samples, pictures in NHWC");
  demand(inputs[0].dtype() == DType::u8 || inputs[0].dtype() == DType::f32, op, inputs,
         "u8 or f32 samples");
  demand(
      inputs[1].type() == TensorType{Shape{}, DType::i64} && inputs[2].type() == inputs[1].type(),
      op, inputs, "an i64 seed and position");
  return inputs[0].type();
}

Types fused_types(const FusedAttributes& fused) {
  Types types;
  for (int output : fused.outputs) {
    types.push_back({fused.shape, fused.instructions[static_cast<std::size_t>(output)].dtype});
  }
  return types;
}

}  // namespace

std::vector<TensorType> infer_types(Op op, std::span<const Value> inputs,
                                    const Attributes& attributes) {
  if (info(op).kind == OpKind::elementwise) return {elementwise_type(op, inputs, attributes)};
  switch (op) {
    case Op::constant:
      return {std::get<ConstantAttributes>(attributes).type};
    case Op::reshape: {
      const Shape& shape = std::get<TypeAttributes>(attributes).type.shape;
      demand(shape.elements() == inputs[0].shape().elements(), op, inputs,
             "as many elements as " + to_string(shape));
      return {{shape, inputs[0].dtype()}};
    }
    case Op::broadcast: {
      const Shape &from = inputs[0].shape(), &to = std::get<TypeAttributes>(attributes).type.shape;
      bool fits = from.rank() <= to.rank();
      for (int i = 1; fits && i <= from.rank(); ++i) {
        const std::int64_t extent = from[from.rank() - i];
        fits = extent == 1 || extent == to[to.rank() - i];
      }
      demand(fits, op, inputs, "a shape that broadcasts to " + to_string(to));
      return {{to, inputs[0].dtype()}};
    }
    case Op::transpose:
      return {transposed_type(op, inputs, attributes)};
    case Op::reduce_sum:
    case Op::reduce_max:
      return {reduced_type(op, inputs, attributes)};
    case Op::argmax: {
      demand(inputs[0].shape().rank() >= 1, op, inputs, "an axis");
      return {{inputs[0].shape().sub(0, inputs[0].shape().rank() - 1), DType::i32}};
    }
    case Op::window:
    case Op::gather_rows:
    case Op::scatter_rows:
    case Op::one_hot:
      return gather_types(op, inputs, attributes);
    case Op::dropout_mask:
      return {std::get<DropoutAttributes>(attributes).type};
    case Op::augment:
      return {augmented_type(op, inputs, attributes)};
    case Op::matmul:
      return {matmul_type(op, inputs, attributes)};
    case Op::conv2d:
      return {conv2d_type(op, inputs, attributes)};
    case Op::conv2d_grad_input:
    case Op::avg_pool_grad:
      return {{std::get<WindowAttributes>(attributes).input, inputs[0].dtype()}};
    case Op::conv2d_grad_kernel:
      return {{std::get<WindowAttributes>(attributes).kernel, inputs[0].dtype()}};
    case Op::max_pool:
      demand(inputs.size() != 2, op, inputs, "a shift beside the scale");
      for (std::size_t i = 1; i < inputs.size(); ++i) {
        const TensorType channels{Shape{inputs[0].shape().back()}, inputs[0].dtype()};
        demand(inputs[i].type() == channels, op, inputs, "one number a channel");
      }
      return {pool_type(op, inputs, attributes)};
    case Op::avg_pool:
      return {pool_type(op, inputs, attributes)};
    case Op::max_pool_grad:
      return {inputs[1].type()};
    case Op::batch_norm:
    case Op::batch_norm_grad:
      return batch_norm_types(op, inputs);
    case Op::batch_norm_pool:
    case Op::batch_norm_pool_grad:
      return norm_pool_types(op, inputs, attributes);
    case Op::softmax:
      return {inputs[0].type()};
    case Op::cross_entropy:
      demand(inputs[0].shape().rank() == 2 && inputs[0].type() == inputs[1].type(), op, inputs,
             "logits and targets of one shape [batch, classes]");
      return {{Shape{inputs[0].shape()[0]}, inputs[0].dtype()}, inputs[0].type()};
    case Op::gradient:
      demand(inputs[0].shape().rank() == 0, op, inputs, "a scalar loss");
      return {inputs[1].type()};
    case Op::assign:
      demand(inputs[0].graph->node(inputs[0].node).op == Op::variable, op, inputs,
             "a variable first");
      demand(inputs[0].type() == inputs[1].type(), op, inputs, "a value of the variable's type");
      return {};
    case Op::fused:
      return fused_types(std::get<FusedAttributes>(attributes));
    default:
      break;
  }
  throw Error::mistake(fmt::format("no shape rule for {}", name(op)));
}

}  // namespace treino
