// SPDX-License-Identifier: Apache-2.0
#include "treino/cli/resume.h"

#include <fmt/format.h>

#include <filesystem>

#include "treino/base/error.h"
#include "treino/train/run_folder.h"

namespace treino::cli {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void refuse(const std::string& option, const std::string& why) {
  throw Error::mistake(fmt::format(
      "{} would change the training that --resume goes on with ({}); leave it out, or train anew",
      option, why));
}

void check_out(const ResumeRequest& request) {
  std::error_code error;
  if (request.out.empty() || fs::equivalent(request.out, request.folder, error)) return;
  throw Error::mistake(fmt::format("--out {}: --resume goes on in {}; leave --out out", request.out,
                                   request.folder));
}

void check_epochs(const nn::Recipe& before, const nn::Recipe& after) {
  if (after.train.epochs == before.train.epochs) return;
  if (after.train.epochs < before.train.epochs) {
    refuse("--epochs",
           fmt::format("it is set to {} epochs; only more can be asked for", before.train.epochs));
  }
  if (nn::depends_on_total(before.train.schedule)) {
    refuse("--epochs",
           "its schedule depends on the number of epochs; schedule.epochs would fix it");
  }
}

}  // namespace

nn::Recipe resumed_recipe(const ResumeRequest& request) {
  const std::string folder = train::find_run(request.folder);
  check_out(request);
  const std::string path = (fs::path(folder) / "recipe.toml").string();
  const nn::Recipe before = nn::load_recipe(path);
  const std::string text = nn::write_recipe(before);
  const auto same = [&](const nn::Recipe& recipe) { return nn::write_recipe(recipe) == text; };
  if (!request.recipe.recipe.empty()) {
    throw Error::mistake(fmt::format("--resume goes on with the recipe in {}; leave \"{}\" out",
                                     folder, request.recipe.recipe));
  }
  if (!request.recipe.model.empty()) refuse("--model", "the model is the run's own");
  for (const std::string& set : request.recipe.set) {
    const RecipeOptions alone{.recipe = path, .model = "", .set = {set}};
    nn::Recipe changed = load_recipe(alone);
    if (set.rfind("train.epochs=", 0) == 0) check_epochs(before, changed);
    changed.train.epochs = before.train.epochs;
    if (!same(changed)) refuse("--set " + set, "the recipe is " + path);
  }
  for (const nn::Override& flag : request.flags) {
    if (flag.first == "train.epochs") continue;
    if (!same(nn::load_recipe(path, std::vector<nn::Override>{flag}))) {
      refuse(flag_of(flag.first) + " " + flag.second, "the recipe is " + path);
    }
  }
  RecipeOptions own = request.recipe;
  own.recipe = path;
  nn::Recipe after = load_recipe(own, request.flags);
  check_epochs(before, after);
  return after;
}

}  // namespace treino::cli
