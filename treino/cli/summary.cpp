// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/summary.h"

#include <fmt/format.h>

#include <memory>

#include "treino/base/error.h"
#include "treino/cli/commands.h"
#include "treino/cli/recipe_options.h"

namespace treino::cli {

namespace {

struct Options {
  RecipeOptions recipe;
  bool dot = false, json = false;
};

int summarize_recipe(const Options& options) {
  const nn::Recipe recipe = load_recipe(options.recipe);
  const nn::Model model = nn::build_model(recipe, Shape{});
  if (options.dot) {
    fmt::print("{}", nn::to_dot(model));
  } else if (options.json) {
    fmt::print("{}\n", nn::to_json(nn::summarize(model)));
  } else {
    fmt::print("{}", nn::to_text(nn::summarize(model)));
  }
  return 0;
}

}  // namespace

void add_summary(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  add_recipe_options(app, options->recipe);
  app.add_flag("--dot", options->dot,
               "a graph for Graphviz: treino summary mnist --dot | dot -Tsvg -o mnist.svg");
  app.add_flag("--json", options->json, "one JSON object")->excludes("--dot");
  app.footer(
      "Examples:\n"
      "  treino summary cifar10\n"
      "  treino summary my-recipe.toml --set model.dense_1.units=256\n"
      "  treino summary resnet --dot | dot -Tpng -o resnet.png");
  app.callback([options, &action] { action = [options] { return summarize_recipe(*options); }; });
}

}  // namespace treino::cli
