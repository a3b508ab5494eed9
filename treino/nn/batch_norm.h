// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/nn/emit.h"

namespace treino::nn {

// Ioffe and Szegedy 2015, as Keras: (x - mean) / sqrt(variance + epsilon) gamma + beta for each
// channel (last axis). Training uses the batch's mean and biased variance and moves the running
// ones, r <- momentum r + (1 - momentum) batch; inference uses the running ones.
struct BatchNorm {
  static constexpr std::string_view kName = "batch_norm";
  double momentum = 0.99;
  double epsilon = 1e-3;
  Initializer gamma_init = ones;
  Where where = Where::here();

  template <class V>
  void fields(V& v) {
    v("momentum", momentum, Limits{.least = 0, .most = 1});
    v("epsilon", epsilon, positive);
    v("gamma_init", gamma_init);
  }
  Shape output(const Shape& input) const { return input; }
  Value emit(Emit& emit, Value x) const;
};

}  // namespace treino::nn
