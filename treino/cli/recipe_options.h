// SPDX-License-Identifier: Apache-2.0
// The options every command that takes a recipe knows (docs: interface section 1).
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "treino/base/shape.h"
#include "treino/nn/recipe.h"

namespace treino::cli {

struct RecipeOptions {
  std::string recipe;            // name or path
  std::string model;             // --model FILE: take [[model]] from there
  std::string data;              // --data DIR or NAME
  std::vector<std::string> set;  // --set key=value
};

// RECIPE, --model, --set.
void add_recipe_options(CLI::App& app, RecipeOptions& options);

// The recipe with --model and --set applied, then `flags` (e.g. {"train.batch", "64"}), which win.
nn::Recipe load_recipe(const RecipeOptions& options, std::vector<nn::Override> flags = {});

}  // namespace treino::cli
