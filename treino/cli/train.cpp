// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "treino/base/clock.h"
#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/cli/commands.h"
#include "treino/cli/input_options.h"
#include "treino/cli/process_start.h"
#include "treino/cli/recipe_options.h"
#include "treino/cli/resume.h"
#include "treino/cli/training_view.h"
#include "treino/cli/work_options.h"
#include "treino/train/cross_validate.h"
#include "treino/train/fit.h"
#include "treino/train/run_folder.h"

namespace treino::cli {

namespace {

struct Options {
  RecipeOptions recipe;
  DeviceChoice device;
  std::string data, epochs, batch, optimizer, rate, seed, precision;
  std::string out, resume, events;
  int folds = 0;
  bool strict = false, tune = false;
  bool quiet = false, no_download = false, stream = false, dump_passes = false, plain = false;
};

// The flags that stand for recipe fields, as --set would write them.
std::vector<nn::Override> field_flags(const Options& options) {
  std::vector<nn::Override> flags;
  const auto add = [&](const char* field, const std::string& value) {
    if (!value.empty()) flags.emplace_back(field, value);
  };
  add("train.epochs", options.epochs);
  add("train.batch", options.batch);
  add("train.optimizer", options.optimizer);
  add("train.optimizer.rate", options.rate);
  add("train.seed", options.seed);
  add("train.precision", options.precision);
  return flags;
}

nn::Recipe recipe_of(const Options& options) {
  if (!options.resume.empty()) {
    return resumed_recipe({.folder = options.resume,
                           .out = options.out,
                           .recipe = options.recipe,
                           .flags = field_flags(options)});
  }
  if (options.recipe.recipe.empty()) {
    throw Error::mistake("train: RECIPE is required, e.g. treino train mnist; see treino recipes");
  }
  return load_recipe(options.recipe, field_flags(options));
}

// What the run that goes on said of its data; nothing for a new one.
train::Environment recorded(const Options& options) {
  return options.resume.empty() ? train::Environment{} : train::read_environment(options.resume);
}

void report_broken(const data::Dataset& dataset, TrainingView& view) {
  constexpr std::size_t kMostShown = 5;
  if (dataset.broken.empty()) return;
  view.note(fmt::format("warning: {} broken files were left out (--strict makes them an error):",
                        dataset.broken.size()));
  for (std::size_t i = 0; i < std::min(dataset.broken.size(), kMostShown); ++i) {
    view.note("  " + dataset.broken[i]);
  }
  if (dataset.broken.size() > kMostShown) view.note("  ...; all: treino data show");
}

int train_folds(const nn::Recipe& recipe, const data::Dataset& dataset, int folds, Device& device,
                const train::FitOptions& fit, TrainingView& view) {
  if (fit.resume) throw Error::mistake("--folds starts anew; it does not go with --resume");
  const auto result = train::cross_validate(recipe, dataset, folds, device, fit, view);
  if (result.signal != 0) {
    view.note(fmt::format(
        "interrupted in fold {} of {}; go on with that one by: treino train --resume {}",
        result.folds.size(), folds, result.folds.back().folder));
    return 128 + result.signal;
  }
  for (std::size_t i = 0; i < result.folds.size(); ++i) {
    view.note(fmt::format("fold {}: test loss {:.4f}, test accuracy {:.4f}", i + 1,
                          result.folds[i].test->loss, result.folds[i].test->accuracy));
  }
  view.note(fmt::format("{} folds: test loss {:.4f}, test accuracy {:.4f} +- {:.4f}, saved in {}",
                        folds, result.mean_loss, result.mean_accuracy, result.accuracy_deviation,
                        result.folder));
  return 0;
}

void check_tune(const Options& options) {
  if (!options.tune) return;
  if (!options.resume.empty()) {
    throw Error::mistake(
        "--tune would change the training that --resume goes on with (it takes the kernels of "
        "its record); leave it out, or train anew");
  }
  if (options.device.exact)
    throw Error::mistake(
        "--exact pins the kernels that --tune would choose; leave one of them out");
}

// Only GPUs have instructions for it here; who asks for less precision may expect more speed.
void say_precision(Precision precision, const Device& device, TrainingView& view) {
  if (precision == Precision::float32 || device.name() == "cuda") return;
  view.note(fmt::format(
      "note: the {} device rounds what products read to {} and multiplies in full: as accurate as "
      "{} is, but no faster than float32",
      device.name(), names_of(precision)[static_cast<std::size_t>(precision)],
      names_of(precision)[static_cast<std::size_t>(precision)]));
}

int train_recipe(Options options) {
  check_tune(options);
  nn::Recipe recipe = recipe_of(options);
  data::LoadOptions load = load_options(recipe);
  const train::Environment before = recorded(options);
  choose_data(options.data.empty() ? before.data_folder : options.data, recipe, load);
  if (recipe.data.empty()) {
    throw Error::mistake(
        fmt::format("{}: says no data; add data = \"mnist\" or give --data DIR", recipe.path));
  }
  if (!options.out.empty() && options.resume.empty()) {
    make_folders(options.out);
    check_writable(options.out);
  }
  TrainingView view(options.quiet);
  const auto device = make_device(options.device);
  train::FitOptions fit;
  fit.process_start = process_start();
  fit.runtime_ready = monotonic_seconds();
  load.download = !options.no_download;
  load.strict = options.strict;
  if (options.folds > 0) load.test_fraction = 0;
  if (options.stream) load.stream = data::Stream::always;
  load.progress = &view;
  say_precision(recipe.train.precision, *device, view);
  fit.fold = before.fold;
  const data::Dataset dataset = load_data(recipe, load, fit.fold);
  fit.data_ready = monotonic_seconds();
  for (const std::string& warning : dataset.warnings) view.note("warning: " + warning);
  report_broken(dataset, view);
  view.say(fmt::format("{}: {} training and {} test samples from {}", dataset.name,
                       dataset.train.size(), dataset.test.size(), dataset.origin));

  std::vector<std::pair<std::string, std::string>> passes;
  fit.out = options.resume.empty() ? options.out : options.resume;
  fit.resume = !options.resume.empty();
  fit.events = options.events;
  fit.data_folder = load.folder;
  fit.threads = options.device.threads;
  fit.optimize = !options.plain;
  fit.tune = options.tune;
  if (options.dump_passes) fit.dump = &passes;
  if (options.folds > 0) return train_folds(recipe, dataset, options.folds, *device, fit, view);
  const train::FitResult result = train::fit(std::move(recipe), dataset, *device, fit, view);
  for (const auto& [pass, text] : passes) fmt::print("=== {}\n{}\n", pass, text);
  view.finished(result);
  if (result.signal == 0) return 0;
  view.note(fmt::format("interrupted; go on with: treino train --resume {}", result.folder));
  return 128 + result.signal;
}

void add_field_options(CLI::App& app, Options& options) {
  app.add_option("--data", options.data, "another data set's name, or the folder its files are in")
      ->type_name("DIR|NAME");
  app.add_option("--epochs", options.epochs, "passes over the training samples")->type_name("N");
  app.add_option("--batch", options.batch, "samples of a step")->type_name("N");
  app.add_option("--optimizer", options.optimizer, "sgd, adam, adamw, rmsprop or adagrad")
      ->type_name("NAME");
  app.add_option("--rate", options.rate, "the optimiser's learning rate")->type_name("X");
  app.add_option("--seed", options.seed, "of weights, order and dropout")->type_name("N");
  app.add_option("--precision", options.precision,
                 "of what products multiply: float32, tf32 or bf16; sums and weights stay float32")
      ->type_name("NAME");
}

}  // namespace

void add_train(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  add_recipe_options(app, options->recipe, false);
  add_field_options(app, *options);
  add_device_options(app, options->device);
  app.add_option("--out", options->out, "the run's folder; default runs/<name>-<time>")
      ->type_name("DIR");
  app.add_option("--resume", options->resume, "go on with the run in this folder")
      ->type_name("DIR");
  app.add_option("--events", options->events,
                 "also write events there: a file, - (standard output), fd:N, unix:PATH")
      ->type_name("FILE");
  app.add_option("--folds", options->folds, "train K times, each time testing on another part")
      ->check(CLI::Range(2, 1000))
      ->type_name("K");
  app.add_flag("--strict", options->strict, "a broken picture is an error, not left out");
  app.add_flag("--quiet", options->quiet, "only warnings and the last lines");
  app.add_flag("--no-download", options->no_download, "use only data that are on this machine");
  app.add_flag("--stream", options->stream,
               "leave samples in their file (.safetensors) and read them ahead; by itself where\n"
               "they are more than half the memory there is");
  app.add_flag("--tune", options->tune,
               "kernels by measurement instead of the fixed table; kept for later (treino tune)");
  app.add_flag("--dump-passes", options->dump_passes,
               "print the training step after each pass of the compiler");
  app.add_flag("--no-optimize", options->plain, "compile without the optimising passes");
  app.footer(
      "Flags win over the recipe. Without --data the set is looked for in $TREINO_DATA/<name>,\n"
      "the cache (~/.cache/treino), the system's folder, and then downloaded.\n\n"
      "Examples:\n"
      "  treino train mnist\n"
      "  treino train cifar10 --epochs 10 --seed 7 --out runs/mine\n"
      "  treino train --resume runs/mine --epochs 20\n"
      "  treino train mnist --data fashion_mnist --optimizer sgd --rate 0.1\n"
      "  treino train iris --folds 5\n"
      "  treino train my.toml --data photos/ --set train.validation=0.1\n\n"
      "Exit codes: 0 done, 1 failed at work, 2 a mistake in usage, recipe or files,\n"
      "130 or 143 interrupted (a checkpoint is left; go on with --resume).");
  app.callback([options, &action] { action = [options] { return train_recipe(*options); }; });
}

}  // namespace treino::cli
