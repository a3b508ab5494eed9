// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/nn/activation.h"
#include "treino/nn/emit.h"

namespace treino::nn {

// y = f(x W + b) over the last axis: [..., in] -> [..., units]; kernel [in, units], bias [units].
struct Dense {
  static constexpr std::string_view kName = "dense";
  std::int64_t units = 0;
  Activation activation = linear;
  bool bias = true;
  Initializer init = glorot_uniform;
  Where where = Where::here();

  template <class V>
  void fields(V& v) {
    v("units", units, required_count);
    v("activation", activation);
    v("bias", bias);
    v("init", init);
  }
  Shape output(const Shape& input) const;
  Value emit(Emit& emit, Value x) const;
};

}  // namespace treino::nn
