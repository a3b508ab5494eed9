// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "treino/nn/emit.h"

namespace treino::nn {

// He et al. 2016: body(x) + shortcut(x); an empty shortcut is x itself.
struct Residual {
  static constexpr std::string_view kName = "residual";
  std::vector<Layer> body = {};
  std::vector<Layer> shortcut = {};
  Where where = Where::here();

  template <class V>
  void fields(V& v) {
    v("body", body, Limits{.required = true});
    v("shortcut", shortcut);
  }
  Shape output(const Shape& input) const;
  Value emit(Emit& emit, Value x) const;
};

}  // namespace treino::nn
