// SPDX-License-Identifier: Apache-2.0
// Every layer.
#pragma once

#define TREINO_LAYER(layer)
#include "treino/nn/layers.def"
#undef TREINO_LAYER

#include "treino/nn/model.h"

#include <optional>
#include <span>
#include <string_view>

namespace treino::nn {

// Names of the layers, as recipes write them, in the order of layers.def.
std::span<const std::string_view> layer_names();

// A layer of that name as `visitor` fills it in; nullopt for an unknown name.
std::optional<Layer> make_layer(std::string_view name, const Where& where, FieldVisitor& visitor);

}  // namespace treino::nn
