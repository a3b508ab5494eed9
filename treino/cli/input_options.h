// SPDX-License-Identifier: Apache-2.0
// How data are brought into shape: the recipe's [input], or flags where there is no recipe.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "treino/data/load.h"
#include "treino/nn/recipe.h"
#include "treino/train/run_folder.h"

namespace treino::cli {

struct InputFlags {
  std::string resize, crop, pad;  // "64" or "64x48": height x width
  std::string label;
  int channels = 0;
  bool strict = false;
};

// --resize, --crop, --pad, --channels, --label, --strict.
void add_input_flags(CLI::App& app, InputFlags& flags);
data::LoadOptions load_options(const InputFlags& flags);

// What the recipe says of its data: [input] resize, crop, pad, channels, label, test; the split's
// seed is train.seed.
data::LoadOptions load_options(const nn::Recipe& recipe);
// The recipe's data; of a run that is one fold of several, what that fold trains and tests on.
data::Dataset load_data(const nn::Recipe& recipe, data::LoadOptions load, const train::Fold& fold);
data::Geometry geometry_of(const nn::InputOptions& input);

}  // namespace treino::cli
