// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/nn/emit.h"
#include "treino/nn/window_geometry.h"

namespace treino::nn {

// The mean of each window's elements inside the image (padding does not count). [height, width,
// channels].
struct AvgPool {
  static constexpr std::string_view kName = "avg_pool";
  Pair size = 2;
  Pair stride = 0;  // 0: size
  Padding padding = valid;
  Where where = Where::here();

  template <class V>
  void fields(V& v) {
    v("size", size, at_least_one);
    v("stride", stride, Limits{.least = 1, .most = kMostSize, .default_text = "size"});
    v("padding", padding);
  }
  void resolve() {
    if (stride == Pair(0)) stride = size;
  }
  Shape output(const Shape& input) const;
  Value emit(Emit& emit, Value x) const;
};

}  // namespace treino::nn
