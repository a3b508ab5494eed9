// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/nn/emit.h"

namespace treino::nn {

// Ba, Kiros, Hinton 2016, as Keras: each sample normalised along its last axis with the biased
// variance, then gamma and beta (one number an element of that axis).
struct LayerNorm {
  static constexpr std::string_view kName = "layer_norm";
  double epsilon = 1e-3;
  Where where = Where::here();

  template <class V>
  void fields(V& v) {
    v("epsilon", epsilon, positive);
  }
  Shape output(const Shape& input) const { return input; }
  Value emit(Emit& emit, Value x) const;
};

}  // namespace treino::nn
