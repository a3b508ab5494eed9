// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/nn/emit.h"

namespace treino::nn {

// y = factor x, in recipes scale = { factor = 0.125 }. After the last dense layer it takes the
// factor out of the logits, and so its square out of the gradient's effect on them.
struct ScaleBy {
  static constexpr std::string_view kName = "scale";
  double factor = 1;
  Where where = Where::here();

  template <class V>
  void fields(V& v) {
    v("factor", factor, Limits{.required = true});
  }
  Shape output(const Shape& input) const { return input; }
  Value emit(Emit& emit, Value x) const;
};

}  // namespace treino::nn
