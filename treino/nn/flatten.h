// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/nn/emit.h"

namespace treino::nn {

// All axes of a sample in one: [height, width, channels] -> [height width channels], channels
// fastest.
struct Flatten {
  static constexpr std::string_view kName = "flatten";
  Where where = Where::here();

  template <class V>
  void fields(V&) {}
  Shape output(const Shape& input) const { return {input.elements()}; }
  Value emit(Emit& emit, Value x) const;
};

}  // namespace treino::nn
