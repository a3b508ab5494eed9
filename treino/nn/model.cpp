// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/model.h"

#include <fmt/format.h>

#include "treino/graph/build.h"

namespace treino::nn {

namespace {

// Keeps the initialisers' streams apart from those of shuffles and of dropout.
constexpr std::uint64_t kFirstStream = std::uint64_t{1} << 62;

}  // namespace

Model::Model(Shape input) : input_(input), output_(input) {
  bool good = input.rank() >= 1 && input.rank() < Shape::kMaxRank;
  for (std::int64_t extent : input) good = good && extent >= 1;
  if (!good) {
    throw Error::mistake(fmt::format(
        "the input's shape is {}; use sizes of at least 1, e.g. [28, 28, 1]", to_string(input)));
  }
}

Model& Model::add(Layer layer) {
  output_ = layer.output(output_);
  layers_.push_back(std::move(layer));
  return *this;
}

bool operator==(const Model& a, const Model& b) {
  return a.input_ == b.input_ && a.layers_ == b.layers_;
}

std::vector<LayerVariable> variables(const Model& model) {
  Graph graph;
  Shape batch{1};
  for (std::int64_t extent : model.input()) batch.append(extent);
  Emit emit(graph, false);
  emit.sequence("", model.layers(), graph::constant(graph, 0, DType::f32, batch));
  std::vector<LayerVariable> result = emit.variables();
  for (LayerVariable& variable : result) variable.value = {};  // its graph ends here
  return result;
}

std::int64_t parameter_count(const Model& model) {
  std::int64_t count = 0;
  for (const LayerVariable& variable : variables(model)) {
    if (variable.role == Role::parameter) count += variable.shape.elements();
  }
  return count;
}

std::vector<NamedTensor> initial_values(const Model& model, std::uint64_t seed) {
  std::vector<NamedTensor> values;
  std::uint64_t number = 0;
  for (const LayerVariable& variable : variables(model)) {
    Rng rng(seed, kFirstStream + number);
    if (variable.role == Role::parameter) ++number;
    values.push_back({variable.name, initial_tensor(variable.initializer, variable.shape, rng)});
  }
  return values;
}

}  // namespace treino::nn
