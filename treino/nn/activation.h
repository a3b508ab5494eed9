// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "treino/graph/graph.h"

namespace treino::nn {

// Functions between layers, as Keras 3 defines them: leaky_relu's slope is 0.2, elu's alpha 1, gelu
// is the exact one (by erf), softmax runs along the last axis.
enum class Activation : std::uint8_t {
  linear,
  relu,
  leaky_relu,
  elu,
  selu,
  gelu,
  silu,
  tanh,
  sigmoid,
  softplus,
  softmax,
};
std::span<const std::string_view> names_of(Activation);

// So that a model reads Dense{.units = 128, .activation = relu}.
using enum Activation;

// The function applied to x, of x's shape.
Value activate(Activation activation, Value x);

}  // namespace treino::nn
