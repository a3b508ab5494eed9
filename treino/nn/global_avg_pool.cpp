// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/global_avg_pool.h"

#include "treino/graph/build.h"
#include "treino/nn/window_geometry.h"

namespace treino::nn {

Shape GlobalAvgPool::output(const Shape& input) const {
  if (input.rank() != 2) check_image(input);
  return {input.back()};
}

Value GlobalAvgPool::emit(Emit&, Value x) const {
  return x.shape().rank() == 3 ? graph::mean(x, {1}) : graph::mean(x, {1, 2});
}

}  // namespace treino::nn
