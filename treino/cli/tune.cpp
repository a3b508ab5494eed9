// SPDX-License-Identifier: Apache-2.0
#include "treino/train/tune.h"

#include <fmt/format.h>

#include <memory>

#include "treino/cli/commands.h"
#include "treino/cli/recipe_options.h"
#include "treino/cli/terminal.h"
#include "treino/cli/work_options.h"
#include "treino/train/profile.h"

namespace treino::cli {

namespace {

struct Options {
  RecipeOptions recipe;
  DeviceChoice device;
  std::string batch;
  double milliseconds = 50;
  bool json = false, again = false;
};

int tune_recipe(Options options) {
  std::vector<nn::Override> flags;
  if (!options.batch.empty()) flags.emplace_back("train.batch", options.batch);
  const nn::Recipe recipe = load_recipe(options.recipe, flags);
  const auto device = make_device(options.device);
  const Program program = train::training_step(recipe, *device);
  const Program* const programs[] = {&program};
  const auto ops = train::tune(programs, *device,
                               {.again = options.again,
                                .seconds = options.milliseconds * 1e-3,
                                .threads = options.device.threads,
                                .warn = [](const std::string& line) { tell("{}\n", line); }});
  fmt::print("{}", options.json ? to_json(ops) + "\n" : to_text(ops));
  return 0;
}

}  // namespace

void add_tune(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  add_recipe_options(app, options->recipe);
  add_device_options(app, options->device);
  app.add_option("--batch", options->batch, "samples of a step")->type_name("N");
  app.add_option("--milliseconds", options->milliseconds, "how long each candidate is timed")
      ->check(CLI::Range(0.001, 1e6))
      ->capture_default_str()
      ->type_name("MS");
  app.add_flag("--again", options->again, "measure and replace what is known");
  app.add_flag("--json", options->json, "one JSON object");
  app.footer(
      "Times the kernels that each convolution of the training step, and each of its gradients,\n"
      "could use: in turn, on random operands. The answers are kept in\n"
      "$XDG_CACHE_HOME/treino/kernels.json (~/.cache/treino) and taken by train --tune alone: a\n"
      "plain train goes by the fixed table and gives the same bits on any day.\n\n"
      "Examples:\n"
      "  treino tune cifar10\n"
      "  treino tune my.toml --batch 128 --again\n"
      "  treino train cifar10 --tune");
  app.callback([options, &action] { action = [options] { return tune_recipe(*options); }; });
}

}  // namespace treino::cli
