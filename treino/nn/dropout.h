// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/nn/emit.h"

namespace treino::nn {

// Srivastava et al. 2014: in training each element is dropped with probability rate and the others
// are divided by 1 - rate; in inference nothing happens.
struct Dropout {
  static constexpr std::string_view kName = "dropout";
  double rate = 0;
  Where where = Where::here();

  template <class V>
  void fields(V& v) {
    v("rate", rate, Limits{.least = 0, .most = 1, .below = true, .required = true});
  }
  Shape output(const Shape& input) const { return input; }
  Value emit(Emit& emit, Value x) const;
};

}  // namespace treino::nn
