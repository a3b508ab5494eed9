// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/conv1d.h"

#include <fmt/format.h>

#include "treino/graph/build.h"

namespace treino::nn {

Shape Conv1D::output(const Shape& input) const {
  check_sequence(input);
  if (input[1] % groups != 0) {
    throw FieldMistake{
        "groups", fmt::format("is {} but the input has {} channels; use a divisor of {}", groups,
                              input[1], input[1])};
  }
  if (filters % groups != 0) {
    throw FieldMistake{"filters", fmt::format("is {} but groups is {}; use a multiple of {}",
                                              filters, groups, groups)};
  }
  const std::int64_t most = (input[0] - 1) / dilation + 1;
  if (padding == Padding::valid && kernel > most) {
    throw FieldMistake{
        "kernel",
        fmt::format("is {} but the input has {} steps; use at most {} or padding = \"same\"",
                    kernel, input[0], most)};
  }
  const Shape image{1, input[0], input[1]};
  return {output_extents(image, Pair(1, kernel), Pair(1, stride), Pair(1, dilation), padding).width,
          filters};
}

// A picture of height 1.
Value Conv1D::emit(Emit& emit, Value x) const {
  using namespace graph;
  const std::int64_t batch = x.shape()[0], time = x.shape()[1], channels = x.shape()[2];
  const Value kernels = emit.parameter("kernel", Shape{kernel, channels / groups, filters}, init);
  WindowAttributes window = window_over(Shape{1, time, channels}, Pair(1, kernel), Pair(1, stride),
                                        Pair(1, dilation), padding);
  window.groups = groups;
  Value y = conv2d(reshape(x, Shape{batch, 1, time, channels}),
                   reshape(kernels, Shape{1, kernel, channels / groups, filters}), window);
  if (bias) y = y + emit.parameter("bias", Shape{filters}, zeros);
  return activate(activation, reshape(y, Shape{batch, y.shape()[2], filters}));
}

}  // namespace treino::nn
