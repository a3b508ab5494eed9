// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/nn/activation.h"
#include "treino/nn/emit.h"
#include "treino/nn/window_geometry.h"

namespace treino::nn {

// Cross-correlation along time of [time, channels] with `filters` kernels; kernel [kernel, channels
// / groups, filters], bias [filters]. Group g of the filters sees group g of the channels.
struct Conv1D {
  static constexpr std::string_view kName = "conv1d";
  std::int64_t filters = 0;
  std::int64_t kernel = 0;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t groups = 1;
  Padding padding = valid;
  Activation activation = linear;
  bool bias = true;
  Initializer init = glorot_uniform;
  Where where = Where::here();

  template <class V>
  void fields(V& v) {
    v("filters", filters, required_count);
    v("kernel", kernel, required_count);
    v("stride", stride, at_least_one);
    v("dilation", dilation, at_least_one);
    v("groups", groups, at_least_one);
    v("padding", padding);
    v("activation", activation);
    v("bias", bias);
    v("init", init);
  }
  Shape output(const Shape& input) const;
  Value emit(Emit& emit, Value x) const;
};

}  // namespace treino::nn
