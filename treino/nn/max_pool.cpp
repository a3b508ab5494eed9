// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/max_pool.h"

#include "treino/graph/build.h"

namespace treino::nn {

Shape MaxPool::output(const Shape& input) const {
  check_window(input, "size", size, 1, padding);
  const Pair extents = output_extents(input, size, stride, 1, padding);
  return {extents.height, extents.width, input[2]};
}

Value MaxPool::emit(Emit&, Value x) const {
  return graph::max_pool(x, window_over(x.shape().sub(1, 4), size, stride, 1, padding));
}

}  // namespace treino::nn
