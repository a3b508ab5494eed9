// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/nn/activation.h"
#include "treino/nn/emit.h"

namespace treino::nn {

// A function by itself: Activate{relu}, in recipes activation = { function = "relu" }.
struct Activate {
  static constexpr std::string_view kName = "activation";
  Activation function = linear;
  Where where = Where::here();

  template <class V>
  void fields(V& v) {
    v("function", function, Limits{.required = true});
  }
  Shape output(const Shape& input) const { return input; }
  Value emit(Emit&, Value x) const { return activate(function, x); }
};

}  // namespace treino::nn
