// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/conv2d.h"

#include <fmt/format.h>

#include "treino/graph/build.h"

namespace treino::nn {

Shape Conv2D::output(const Shape& input) const {
  check_window(input, "kernel", kernel, dilation, padding);
  if (input[2] % groups != 0) {
    throw FieldMistake{
        "groups", fmt::format("is {} but the input has {} channels; use a divisor of {}", groups,
                              input[2], input[2])};
  }
  if (filters % groups != 0) {
    throw FieldMistake{"filters", fmt::format("is {} but groups is {}; use a multiple of {}",
                                              filters, groups, groups)};
  }
  const Pair extents = output_extents(input, kernel, stride, dilation, padding);
  return {extents.height, extents.width, filters};
}

Value Conv2D::emit(Emit& emit, Value x) const {
  const Shape image = x.shape().sub(1, 4);
  const Value weights = emit.parameter(
      "kernel", Shape{kernel.height, kernel.width, image[2] / groups, filters}, init);
  WindowAttributes window = window_over(image, kernel, stride, dilation, padding);
  window.groups = groups;
  Value y = graph::conv2d(x, weights, window);
  if (bias) y = graph::operator+(y, emit.parameter("bias", Shape{filters}, zeros));
  return activate(activation, y);
}

}  // namespace treino::nn
