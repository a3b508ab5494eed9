// SPDX-License-Identifier: Apache-2.0
// The options every command that takes a recipe knows (docs: interface section 1).
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "treino/nn/recipe.h"

namespace treino::cli {

struct RecipeOptions {
  std::string recipe;            // name or path
  std::string model;             // --model FILE: take [[model]] from there
  std::vector<std::string> set;  // --set key=value
};

// RECIPE (required by the command line unless it says not), --model, --set.
void add_recipe_options(CLI::App& app, RecipeOptions& options, bool required = true);

// The recipe with --model and --set applied, then `flags` (e.g. {"train.batch", "64"}), which win.
nn::Recipe load_recipe(const RecipeOptions& options, const std::vector<nn::Override>& flags = {});

// The flag that stands for a recipe field: "--rate" for "train.optimizer.rate".
std::string flag_of(const std::string& field);

}  // namespace treino::cli
