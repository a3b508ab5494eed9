// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <toml++/toml.h>

#include "treino/nn/recipe.h"

namespace treino::nn {

// Writes one --set into a parsed recipe. Throws Error::mistake for a path that leads nowhere.
void apply_override(toml::table& recipe, const Override& change);

}  // namespace treino::nn
