// SPDX-License-Identifier: Apache-2.0
#include "treino/train/cross_validate.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/data/split.h"
#include "treino/train/run_folder.h"

namespace treino::train {

namespace fs = std::filesystem;

namespace {

void summarize(CrossValidation& result) {
  const auto count = static_cast<double>(result.folds.size());
  for (const FitResult& fold : result.folds) {
    result.mean_accuracy += fold.test->accuracy / count;
    result.mean_loss += fold.test->loss / count;
  }
  double squares = 0;
  for (const FitResult& fold : result.folds) {
    squares +=
        (fold.test->accuracy - result.mean_accuracy) * (fold.test->accuracy - result.mean_accuracy);
  }
  result.accuracy_deviation = std::sqrt(squares / std::max(count - 1, 1.0));
}

void write_summary(const CrossValidation& result) {
  nlohmann::ordered_json json{{"mean_accuracy", result.mean_accuracy},
                              {"accuracy_deviation", result.accuracy_deviation},
                              {"mean_loss", result.mean_loss},
                              {"folds", nlohmann::ordered_json::array()}};
  for (const FitResult& fold : result.folds) {
    json["folds"].push_back({{"folder", fs::path(fold.folder).filename().string()},
                             {"samples", fold.test->samples},
                             {"loss", fold.test->loss},
                             {"accuracy", fold.test->accuracy}});
  }
  write_whole_file((fs::path(result.folder) / "folds.json").string(), json.dump(2) + "\n");
}

// The part, from 0, that each training sample is in.
std::vector<int> parts_of(const data::Dataset& all, int folds, std::uint64_t seed) {
  if (all.train.file)
    throw Error::mistake(all.name + ": is streamed from its file; folds need it in memory");
  if (!all.train.samples || !all.train.labels)
    throw Error::mistake(all.name + ": is made of texts; folds are of pictures and tables");
  return data::stratified_folds(*all.train.labels, folds, seed);
}

data::Dataset without_part(const data::Dataset& all, const std::vector<int>& parts, int fold) {
  std::vector<bool> left_out(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) left_out[i] = parts[i] == fold - 1;
  data::Dataset dataset;
  dataset.name = all.name;
  dataset.origin = fmt::format("{}, fold {}", all.origin, fold);
  dataset.classes = all.classes;
  dataset.features = all.features;
  dataset.label_column = all.label_column;
  dataset.train = data::take(all.train, left_out, false);
  dataset.test = data::take(all.train, left_out, true);
  return dataset;
}

}  // namespace

data::Dataset fold_of(const data::Dataset& all, const Fold& fold, std::uint64_t seed) {
  return without_part(all, parts_of(all, fold.of, seed), fold.number);
}

CrossValidation cross_validate(const nn::Recipe& recipe, const data::Dataset& dataset, int folds,
                               Device& device, const FitOptions& options, Observer& observer) {
  if (folds < 2) throw Error::mistake(fmt::format("--folds {}: use at least 2", folds));
  const std::vector<int> parts =
      parts_of(dataset, folds, static_cast<std::uint64_t>(recipe.train.seed));
  CrossValidation result;
  result.folder = options.out.empty() ? new_run_folder(recipe.name) : options.out;
  for (int fold = 0; fold < folds; ++fold) {
    FitOptions one = options;
    one.out = (fs::path(result.folder) / fmt::format("fold-{}", fold + 1)).string();
    one.fold = {fold + 1, folds};
    observer.note(fmt::format("fold {} of {}", fold + 1, folds));
    result.folds.push_back(
        fit(recipe, without_part(dataset, parts, one.fold.number), device, one, observer));
    result.signal = result.folds.back().signal;
    if (result.signal != 0) return result;
  }
  summarize(result);
  write_summary(result);
  return result;
}

}  // namespace treino::train
