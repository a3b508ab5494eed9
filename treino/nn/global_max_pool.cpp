// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/global_max_pool.h"

#include "treino/graph/build.h"
#include "treino/nn/window_geometry.h"

namespace treino::nn {

Shape GlobalMaxPool::output(const Shape& input) const {
  check_image(input);
  return {input[2]};
}

// One window over the whole image, so that its gradient is max_pool's.
Value GlobalMaxPool::emit(Emit&, Value x) const {
  const Shape image = x.shape().sub(1, 4);
  const Value y =
      graph::max_pool(x, window_over(image, Pair(image[0], image[1]), 1, 1, Padding::valid));
  return graph::reshape(y, Shape{x.shape()[0], image[2]});
}

}  // namespace treino::nn
