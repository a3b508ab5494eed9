// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/dropout.h"

#include "treino/graph/build.h"

namespace treino::nn {

Value Dropout::emit(Emit& emit, Value x) const {
  if (!emit.training() || rate == 0) return x;
  return graph::operator*(x, emit.dropout_mask(rate, x.shape()));
}

}  // namespace treino::nn
