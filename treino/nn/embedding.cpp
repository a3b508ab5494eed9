// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/embedding.h"

#include <fmt/format.h>

#include "treino/graph/build.h"

namespace treino::nn {

Shape Embedding::output(const Shape& input) const {
  if (input.rank() != 1) {
    throw FieldMistake{
        "",
        fmt::format("needs numbers [time], but its input is {}; put it first, over a text's tokens",
                    to_string(input))};
  }
  return {input[0], units};
}

Value Embedding::emit(Emit& emit, Value x) const {
  using namespace graph;
  const std::int64_t batch = x.shape()[0], time = x.shape()[1];
  const Value numbers = reshape(cast(x, DType::i32), Shape{batch * time});
  const Value table = emit.parameter("table", Shape{vocabulary, units}, init);
  Value y = gather_rows(table, numbers);
  if (mask_zero) {
    const Value real = cast(reshape(numbers, Shape{batch * time, 1}), DType::f32);
    y = y * greater(real, constant(emit.graph(), 0));
  }
  return reshape(y, Shape{batch, time, units});
}

}  // namespace treino::nn
