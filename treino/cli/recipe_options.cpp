// SPDX-License-Identifier: Apache-2.0
#include "treino/cli/recipe_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>

#include "treino/base/error.h"

namespace treino::cli {

void add_recipe_options(CLI::App& app, RecipeOptions& options, bool required) {
  app.add_option("RECIPE", options.recipe,
                 "a name from recipes/ (mnist, cifar10 ...) or a path to a .toml file")
      ->required(required);
  app.add_option("--model", options.model, "take the layers from this recipe file instead")
      ->type_name("FILE");
  app.add_option("--set", options.set,
                 "change any field: train.batch=64, model.dense_1.units=256 (repeatable)")
      ->type_name("KEY=VALUE")
      ->expected(1, 1000)
      ->allow_extra_args(false);
}

namespace {

nn::Override split_override(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == text.npos) {
    throw Error::mistake(
        fmt::format("--set {}: wanted is key=value, e.g. --set train.batch=64", text));
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

// The same error, naming the flag that was written instead of the --set it stands for.
Error in_flag_words(const Error& error, const std::vector<nn::Override>& flags) {
  const std::string text = error.what();
  for (const auto& [field, value] : flags) {
    const std::string prefix = fmt::format("--set {}={}", field, value);
    if (text.rfind(prefix, 0) == 0) {
      return {error.fault(),
              fmt::format("{} {}{}", flag_of(field), value, text.substr(prefix.size()))};
    }
  }
  return error;
}

}  // namespace

std::string flag_of(const std::string& field) {
  return "--" + field.substr(field.rfind('.') + 1);
}

nn::Recipe load_recipe(const RecipeOptions& options, const std::vector<nn::Override>& flags) {
  std::vector<nn::Override> changes, model_changes;
  // What a union is comes before what is in it.
  const auto chooses = [](const nn::Override& flag) { return flag.first == "train.optimizer"; };
  std::ranges::copy_if(flags, std::back_inserter(changes), chooses);
  for (const std::string& text : options.set) {
    nn::Override change = split_override(text);
    const bool of_model = !options.model.empty() && change.first.rfind("model.", 0) == 0;
    (of_model ? model_changes : changes).push_back(std::move(change));
  }
  std::ranges::copy_if(flags, std::back_inserter(changes), std::not_fn(chooses));
  nn::Recipe recipe;
  try {
    recipe = nn::load_recipe(options.recipe, changes);
  } catch (const Error& error) {
    throw in_flag_words(error, flags);
  }
  if (!options.model.empty()) recipe.layers = nn::load_recipe(options.model, model_changes).layers;
  return recipe;
}

}  // namespace treino::cli
