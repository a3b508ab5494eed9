// SPDX-License-Identifier: Apache-2.0
// Functions that add nodes to the graph of their operands. Elementwise operands are broadcast to a
// common shape as numpy does (axes aligned at the right); types must be equal.
#pragma once

#include "treino/graph/graph.h"

namespace treino::graph {

Value constant(Graph& graph, double value, DType dtype = DType::f32, Shape shape = {});

// unary(Op::exp, x), binary(Op::add, a, b): any elementwise row of ops.def.
Value unary(Op op, Value a);
Value binary(Op op, Value a, Value b);
Value select(Value condition, Value a, Value b);
Value cast(Value a, DType dtype);

Value operator_scalar(Op op, Value a, double b);  // b of a's type
Value operator_scalar(Op op, double a, Value b);

Value reshape(Value a, Shape shape);
Value transpose(Value a, std::vector<int> axes);
Value broadcast(Value a, Shape shape);  // a itself when the shape is already right
Value reduce_sum(Value a, std::vector<int> axes);
Value reduce_max(Value a, std::vector<int> axes);
Value mean(Value a, std::vector<int> axes);
Value argmax(Value a);

Value window(Value table, Value start, std::int64_t count);  // [n], [] i64 -> [count]
Value gather_rows(Value table, Value indices);               // [n, ...], [b] i32 -> [b, ...]
Value scatter_rows(Value dy, Value indices, Shape table);    // [b, ...], [b] i32 -> table
Value one_hot(Value labels, std::int64_t classes);           // [b] -> f32 [b, classes]
Value dropout_mask(Value seed, Value position, DropoutAttributes attributes);
Value augment(Value samples, Value seed, Value position, AugmentAttributes attributes);

Value matmul(Value a, Value b, bool transpose_a = false, bool transpose_b = false);
Value conv2d(Value x, Value kernel,
             WindowAttributes window);  // fills window.input and window.kernel
Value max_pool(Value x, WindowAttributes window);
Value avg_pool(Value x, WindowAttributes window);

struct BatchNormValues {
  Value y, mean, variance;
};
BatchNormValues batch_norm(Value x, Value gamma, Value beta, double epsilon);
Value softmax(Value logits);
Value cross_entropy(Value logits, Value targets);  // loss of each row, [b]

Value gradient(Value loss, Value with_respect_to);  // placeholder until differentiated
void assign(Value variable, Value value);

inline Value operator+(Value a, Value b) {
  return binary(Op::add, a, b);
}
inline Value operator-(Value a, Value b) {
  return binary(Op::sub, a, b);
}
inline Value operator*(Value a, Value b) {
  return binary(Op::mul, a, b);
}
inline Value operator/(Value a, Value b) {
  return binary(Op::div, a, b);
}
inline Value operator+(Value a, double b) {
  return operator_scalar(Op::add, a, b);
}
inline Value operator-(Value a, double b) {
  return operator_scalar(Op::sub, a, b);
}
inline Value operator*(Value a, double b) {
  return operator_scalar(Op::mul, a, b);
}
inline Value operator/(Value a, double b) {
  return operator_scalar(Op::div, a, b);
}
inline Value operator+(double a, Value b) {
  return operator_scalar(Op::add, a, b);
}
inline Value operator-(double a, Value b) {
  return operator_scalar(Op::sub, a, b);
}
inline Value operator*(double a, Value b) {
  return operator_scalar(Op::mul, a, b);
}
inline Value operator/(double a, Value b) {
  return operator_scalar(Op::div, a, b);
}
inline Value operator-(Value a) {
  return unary(Op::neg, a);
}

inline Value relu(Value a) {
  return unary(Op::relu, a);
}
inline Value exp(Value a) {
  return unary(Op::exp, a);
}
inline Value expm1(Value a) {
  return unary(Op::expm1, a);
}
inline Value log(Value a) {
  return unary(Op::log, a);
}
inline Value log1p(Value a) {
  return unary(Op::log1p, a);
}
inline Value sqrt(Value a) {
  return unary(Op::sqrt, a);
}
inline Value rsqrt(Value a) {
  return unary(Op::rsqrt, a);
}
inline Value square(Value a) {
  return unary(Op::square, a);
}
inline Value abs(Value a) {
  return unary(Op::abs, a);
}
inline Value sign(Value a) {
  return unary(Op::sign, a);
}
inline Value erf(Value a) {
  return unary(Op::erf, a);
}
inline Value tanh(Value a) {
  return unary(Op::tanh, a);
}
inline Value sigmoid(Value a) {
  return unary(Op::sigmoid, a);
}
inline Value softplus(Value a) {
  return unary(Op::softplus, a);
}
inline Value cos(Value a) {
  return unary(Op::cos, a);
}
inline Value floor(Value a) {
  return unary(Op::floor, a);
}
inline Value round_tf32(Value a) {
  return unary(Op::round_tf32, a);
}
inline Value round_bf16(Value a) {
  return unary(Op::round_bf16, a);
}
inline Value is_finite(Value a) {
  return unary(Op::is_finite, a);
}
inline Value reciprocal(Value a) {
  return unary(Op::reciprocal, a);
}
inline Value max(Value a, Value b) {
  return binary(Op::max, a, b);
}
inline Value min(Value a, Value b) {
  return binary(Op::min, a, b);
}
inline Value pow(Value a, Value b) {
  return binary(Op::pow, a, b);
}
inline Value greater(Value a, Value b) {
  return binary(Op::greater, a, b);
}
inline Value greater_equal(Value a, Value b) {
  return binary(Op::greater_equal, a, b);
}
inline Value equal(Value a, Value b) {
  return binary(Op::equal, a, b);
}

}  // namespace treino::graph
