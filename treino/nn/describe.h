// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace treino::nn {

// One field of a layer, optimiser, schedule or recipe section, as documentation says it.
struct FieldDescription {
  std::string name;
  std::string default_text;  // as TOML; empty where a recipe must say it
  std::string allowed;       // range or words; empty for anything
};

struct GroupDescription {
  std::string kind;  // "layer", "optimizer", "schedule", "text",
                     // "augmentation", "section"
  std::string name;  // "dense", "adam", "train"
  std::vector<FieldDescription> fields;
};

// Every layer, optimiser, schedule and section of a recipe, in order.
std::vector<GroupDescription> describe_recipe();

// The same as Markdown tables, for docs/ and `--help`.
std::string recipe_reference();

}  // namespace treino::nn
