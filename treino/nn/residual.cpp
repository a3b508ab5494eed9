// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/residual.h"

#include <fmt/format.h>

#include "treino/graph/build.h"

namespace treino::nn {

Shape Residual::output(const Shape& input) const {
  if (body.empty()) throw FieldMistake{"body", "has no layers; give it at least one"};
  Shape main = input, side = input;
  for (const Layer& layer : body) main = layer.output(main);
  for (const Layer& layer : shortcut) side = layer.output(side);
  if (main == side) return main;
  throw FieldMistake{
      "", fmt::format("adds a body of shape {} to a shortcut of shape {}; make them equal, "
                      "e.g. by a conv2d with kernel = 1 in the shortcut",
                      to_string(main), to_string(side))};
}

Value Residual::emit(Emit& emit, Value x) const {
  const Value main = emit.sequence("body", body, x);
  const Value side = shortcut.empty() ? x : emit.sequence("shortcut", shortcut, x);
  return graph::operator+(main, side);
}

}  // namespace treino::nn
