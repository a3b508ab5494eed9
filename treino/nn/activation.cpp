// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/activation.h"

#include <array>
#include <numbers>

#include "treino/graph/build.h"

namespace treino::nn {

std::span<const std::string_view> names_of(Activation) {
  static constexpr std::array<std::string_view, 11> kNames{
      "linear", "relu", "leaky_relu", "elu",      "selu",    "gelu",
      "silu",   "tanh", "sigmoid",    "softplus", "softmax",
  };
  return kNames;
}

namespace {

// x where x > 0, else alpha (e^x - 1), whose slope is alpha at 0; the exponential never sees a
// positive x, whose overflow would turn the gradient of the branch not taken into a NaN.
Value elu_of(Value x, double alpha) {
  const Value zero = graph::constant(*x.graph, 0, x.dtype());
  const Value positive = graph::greater(x, zero);
  const Value low = graph::expm1(graph::select(positive, zero, x));
  return graph::select(positive, x, alpha == 1 ? low : graph::operator*(low, alpha));
}

Value softmax_of(Value x) {
  const Shape shape = x.shape();
  const Value rows = graph::reshape(x, Shape{shape.elements() / shape.back(), shape.back()});
  return graph::reshape(graph::softmax(rows), shape);
}

}  // namespace

Value activate(Activation activation, Value x) {
  using namespace graph;
  switch (activation) {
    case Activation::linear:
      return x;
    case Activation::relu:
      return graph::relu(x);
    case Activation::leaky_relu:
      return select(greater_equal(x, constant(*x.graph, 0, x.dtype())), x, x * 0.2);
    case Activation::elu:
      return elu_of(x, 1);
    // Klambauer et al. 2017: the two constants keep mean 0 and variance 1 as a fixed point.
    case Activation::selu:
      return elu_of(x, 1.6732632423543772) * 1.0507009873554805;
    case Activation::gelu:
      return x * 0.5 * (1.0 + erf(x * (1 / std::numbers::sqrt2)));
    case Activation::silu:
      return x * graph::sigmoid(x);
    case Activation::tanh:
      return graph::tanh(x);
    case Activation::sigmoid:
      return graph::sigmoid(x);
    case Activation::softplus:
      return graph::softplus(x);
    case Activation::softmax:
      return softmax_of(x);
  }
  return x;
}

}  // namespace treino::nn
