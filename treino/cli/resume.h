// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "treino/cli/recipe_options.h"

namespace treino::cli {

struct ResumeRequest {
  std::string folder;  // --resume
  std::string out;     // --out, if given
  RecipeOptions recipe;
  std::vector<nn::Override> flags;
};

// The recipe a run goes on with: its own, with a larger number of epochs where that changes nothing
// else. Throws Error::mistake naming the option that would change the mathematics.
nn::Recipe resumed_recipe(const ResumeRequest& request);

}  // namespace treino::cli
