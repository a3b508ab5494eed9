// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/layers.h"

#include <array>

namespace treino::nn {

namespace {

struct Row {
  std::string_view name;
  Layer (*make)(const Where& where, FieldVisitor& visitor);
};

template <class T>
Layer make(const Where& where, FieldVisitor& visitor) {
  T layer;
  layer.where = where;
  layer.fields(visitor);
  return Layer(std::move(layer));
}

constexpr std::array kRows = {
#define TREINO_LAYER(layer) Row{layer::kName, make<layer>},
#include "treino/nn/layers.def"
#undef TREINO_LAYER
};

constexpr auto kNames = [] {
  std::array<std::string_view, kRows.size()> names;
  for (std::size_t i = 0; i < kRows.size(); ++i) names[i] = kRows[i].name;
  return names;
}();

}  // namespace

std::span<const std::string_view> layer_names() {
  return kNames;
}

std::optional<Layer> make_layer(std::string_view name, const Where& where, FieldVisitor& visitor) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.make(where, visitor);
  }
  return std::nullopt;
}

}  // namespace treino::nn
