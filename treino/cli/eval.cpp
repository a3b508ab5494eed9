// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "treino/base/error.h"
#include "treino/base/number_text.h"
#include "treino/cli/commands.h"
#include "treino/cli/input_options.h"
#include "treino/cli/terminal.h"
#include "treino/cli/training_view.h"
#include "treino/cli/work_options.h"
#include "treino/train/evaluate.h"

namespace treino::cli {

namespace {

constexpr std::size_t kWidestConfusion = 20;  // classes a matrix is printed for

struct Options {
  std::string run, data, split = "test";
  DeviceChoice device;
  bool json = false;
};

std::string to_json(const train::Evaluation& evaluation, const std::string& split) {
  nlohmann::ordered_json json{{"split", split},
                              {"samples", evaluation.metrics.samples},
                              {"loss", evaluation.metrics.loss},
                              {"accuracy", evaluation.metrics.accuracy}};
  for (const train::ClassReport& c : evaluation.classes) {
    json["classes"].push_back({{"name", c.name},
                               {"support", c.support},
                               {"precision", c.precision},
                               {"recall", c.recall},
                               {"f1", c.f1}});
  }
  json["confusion"] = evaluation.confusion;
  return json.dump();
}

void print_classes(const train::Evaluation& evaluation) {
  std::size_t width = 5;
  for (const train::ClassReport& c : evaluation.classes) width = std::max(width, c.name.size());
  fmt::print("\n{:<{}}  samples  precision  recall      F1\n", "class", width);
  for (const train::ClassReport& c : evaluation.classes) {
    fmt::print("{:<{}}  {:>7}  {:>9.4f}  {:>6.4f}  {:>6.4f}\n", c.name, width, c.support,
               c.precision, c.recall, c.f1);
  }
}

void print_confusion(const train::Evaluation& evaluation) {
  const auto& matrix = evaluation.confusion;
  if (matrix.size() > kWidestConfusion) {
    fmt::print("\n{} classes: the confusion matrix is in --json\n", matrix.size());
    return;
  }
  std::size_t width = 5;
  for (const train::ClassReport& c : evaluation.classes) width = std::max(width, c.name.size());
  fmt::print("\nconfusion (rows: true class, columns: predicted)\n{:<{}}", "", width);
  for (std::size_t k = 0; k < matrix.size(); ++k) fmt::print(" {:>6}", k);
  for (std::size_t c = 0; c < matrix.size(); ++c) {
    fmt::print("\n{:<{}}", evaluation.classes[c].name, width);
    for (std::int64_t count : matrix[c]) fmt::print(" {:>6}", count);
  }
  fmt::print("\n");
}

int evaluate_run(Options options) {
  const std::string folder = train::find_run(options.run);
  const auto device = make_device(options.device);
  train::Predictor predictor(folder, *device);
  TrainingView view(false);
  nn::Recipe recipe = predictor.recipe();
  data::LoadOptions load = load_options(recipe);
  const std::string& recorded = predictor.environment().data_folder;
  choose_data(options.data.empty() ? recorded : options.data, recipe, load);
  load.progress = &view;
  const train::Fold fold = options.data.empty() ? predictor.environment().fold : train::Fold{};
  const data::Dataset dataset = load_data(recipe, load, fold);
  for (const std::string& warning : dataset.warnings) view.note("warning: " + warning);
  const data::Split& split = options.split == "test" ? dataset.test : dataset.train;
  if (split.size() == 0) {
    throw Error::mistake(fmt::format("{}: has no {} part; try --split {}", dataset.name,
                                     options.split, options.split == "test" ? "train" : "test"));
  }
  const train::Evaluation evaluation =
      train::evaluate(predictor, train::known_to(predictor, dataset, split));
  if (options.json) {
    fmt::print("{}\n", to_json(evaluation, options.split));
    return 0;
  }
  fmt::print("{} on {} of {}: {} samples\nloss      {:.4f}\naccuracy  {:.4f}\n", folder,
             options.split, dataset.name, grouped(evaluation.metrics.samples),
             evaluation.metrics.loss, evaluation.metrics.accuracy);
  print_classes(evaluation);
  print_confusion(evaluation);
  return 0;
}

}  // namespace

void add_eval(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  app.add_option("RUN", options->run, "a run's folder, or latest")->required();
  app.add_option("--data", options->data, "another set's name, or the folder its files are in")
      ->type_name("DIR|NAME");
  app.add_option("--split", options->split, "test or train")
      ->check(CLI::IsMember({"test", "train"}))
      ->capture_default_str();
  add_device_options(app, options->device);
  app.add_flag("--json", options->json, "one JSON object on standard output");
  app.footer(
      "Examples:\n"
      "  treino eval latest\n"
      "  treino eval runs/mnist-20240131-120000 --split train\n"
      "  treino eval latest --json | python3 -m json.tool");
  app.callback([options, &action] { action = [options] { return evaluate_run(*options); }; });
}

}  // namespace treino::cli
