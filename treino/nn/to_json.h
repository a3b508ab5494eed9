// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "treino/nn/fields.h"

namespace treino::nn {

// The fields of a group in their order; a union is { "adam": {...} }, layers are such objects too.
nlohmann::ordered_json fields_json(FieldGroup& group);

// {"dense":{"units":10,...}}
std::string layer_json(const Layer& layer);

}  // namespace treino::nn
