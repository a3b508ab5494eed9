// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/batch_norm.h"

#include "treino/graph/build.h"

namespace treino::nn {

Value BatchNorm::emit(Emit& emit, Value x) const {
  using namespace graph;
  const Shape channels{x.shape().back()};
  const Value gamma = emit.parameter("gamma", channels, gamma_init);
  const Value beta = emit.parameter("beta", channels, zeros);
  const Value mean = emit.statistic("mean", channels, zeros);
  const Value variance = emit.statistic("variance", channels, ones);
  if (emit.training()) {
    const BatchNormValues batch = graph::batch_norm(x, gamma, beta, epsilon);
    assign(mean, mean * momentum + batch.mean * (1 - momentum));
    assign(variance, variance * momentum + batch.variance * (1 - momentum));
    return batch.y;
  }
  const Value factor = gamma * rsqrt(variance + epsilon);
  return x * factor + (beta - mean * factor);
}

}  // namespace treino::nn
