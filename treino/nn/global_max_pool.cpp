// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/global_max_pool.h"

#include "treino/graph/build.h"
#include "treino/nn/window_geometry.h"

namespace treino::nn {

Shape GlobalMaxPool::output(const Shape& input) const {
  if (input.rank() != 2) check_image(input);
  return {input.back()};
}

// One window over the whole image (a sequence is one of height 1), so that its gradient is
// max_pool's.
Value GlobalMaxPool::emit(Emit&, Value x) const {
  if (x.shape().rank() == 3)
    x = graph::reshape(x, Shape{x.shape()[0], 1, x.shape()[1], x.shape()[2]});
  const Shape image = x.shape().sub(1, 4);
  const Value y =
      graph::max_pool(x, window_over(image, Pair(image[0], image[1]), 1, 1, Padding::valid));
  return graph::reshape(y, Shape{x.shape()[0], image[2]});
}

}  // namespace treino::nn
