// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/dense.h"

#include "treino/graph/build.h"

namespace treino::nn {

Shape Dense::output(const Shape& input) const {
  Shape shape = input;
  shape[shape.rank() - 1] = units;
  return shape;
}

Value Dense::emit(Emit& emit, Value x) const {
  using namespace graph;
  const std::int64_t inputs = x.shape().back();
  Shape shape = x.shape();
  shape[shape.rank() - 1] = units;
  const Value kernel = emit.parameter("kernel", Shape{inputs, units}, init);
  Value y = matmul(reshape(x, Shape{x.shape().elements() / inputs, inputs}), kernel);
  if (bias) y = y + emit.parameter("bias", Shape{units}, zeros);
  return activate(activation, reshape(y, shape));
}

}  // namespace treino::nn
