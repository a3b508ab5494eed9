// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/scale_by.h"

#include "treino/graph/build.h"

namespace treino::nn {

Value ScaleBy::emit(Emit&, Value x) const {
  return graph::operator*(x, factor);
}

}  // namespace treino::nn
