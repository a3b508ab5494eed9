// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/layer_norm.h"

#include "treino/graph/build.h"

namespace treino::nn {

Value LayerNorm::emit(Emit& emit, Value x) const {
  using namespace graph;
  const int last = x.shape().rank() - 1;
  const Value gamma = emit.parameter("gamma", Shape{x.shape().back()}, ones);
  const Value beta = emit.parameter("beta", Shape{x.shape().back()}, zeros);
  Shape column = x.shape();
  column[last] = 1;
  const Value centred = x - reshape(graph::mean(x, {last}), column);
  const Value variance = reshape(graph::mean(square(centred), {last}), column);
  return centred * rsqrt(variance + epsilon) * gamma + beta;
}

}  // namespace treino::nn
