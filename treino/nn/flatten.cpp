// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/flatten.h"

#include "treino/graph/build.h"

namespace treino::nn {

Value Flatten::emit(Emit&, Value x) const {
  const std::int64_t batch = x.shape()[0];
  return graph::reshape(x, Shape{batch, x.shape().elements() / batch});
}

}  // namespace treino::nn
