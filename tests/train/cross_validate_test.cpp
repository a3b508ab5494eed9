// SPDX-License-Identifier: Apache-2.0
#include "treino/train/cross_validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "treino/backend/devices.h"
#include "treino/base/file.h"
#include "treino/data/load.h"

namespace treino::train {
namespace {

CrossValidation validate(const nn::Recipe& recipe, const data::Dataset& dataset, int folds,
                         const std::string& out) {
  const auto device = make_device("cpu", {.threads = 1});
  Observer observer;
  return cross_validate(recipe, dataset, folds, *device, {.out = out, .threads = 1}, observer);
}

TEST(CrossValidate, EveryFoldIsTrainedWithoutItsPart) {
  test::TemporaryFolder folder;
  const data::Dataset dataset = data::load("generated:blobs:300:50");
  const CrossValidation result = validate(nn::load_recipe("iris"), dataset, 3, folder / "run");
  ASSERT_EQ(result.folds.size(), 3U);
  std::int64_t tested = 0;
  double sum = 0;
  for (const FitResult& fold : result.folds) {
    tested += fold.test->samples;
    sum += fold.test->accuracy;
    EXPECT_EQ(fold.epochs.back().training.samples + fold.test->samples, 300);
  }
  EXPECT_EQ(tested, 300);
  EXPECT_NEAR(result.mean_accuracy, sum / 3, 1e-12);
  EXPECT_GT(result.mean_accuracy, 0.9);
  const auto json = nlohmann::json::parse(read_whole_file(folder / "run/folds.json"));
  EXPECT_NEAR(json.at("mean_accuracy").get<double>(), result.mean_accuracy, 1e-9);
  // Scaling was fitted to each training part alone, so that no two recipes as resolved agree.
  EXPECT_NE(read_whole_file(folder / "run/fold-1/recipe.toml"),
            read_whole_file(folder / "run/fold-2/recipe.toml"));
}

TEST(CrossValidate, TheSameSeedGivesTheSameNumbers) {
  test::TemporaryFolder folder;
  const data::Dataset dataset = data::load("generated:blobs:120:10");
  const auto a = validate(nn::load_recipe("iris"), dataset, 2, folder / "a");
  const auto b = validate(nn::load_recipe("iris"), dataset, 2, folder / "b");
  EXPECT_EQ(a.mean_loss, b.mean_loss);
}

TEST(CrossValidate, AFoldsRunKnowsItsPart) {
  test::TemporaryFolder folder;
  const nn::Recipe recipe = nn::load_recipe("iris");
  const data::Dataset dataset = data::load("generated:blobs:90:10");
  const CrossValidation result = validate(recipe, dataset, 3, folder / "run");
  const Environment environment = read_environment(folder / "run/fold-2");
  EXPECT_EQ(environment.fold.number, 2);
  EXPECT_EQ(environment.fold.of, 3);
  const data::Dataset part =
      fold_of(dataset, environment.fold, static_cast<std::uint64_t>(recipe.train.seed));
  EXPECT_EQ(data::digest(part), environment.data_sha256);
  EXPECT_EQ(part.test.size(), result.folds[1].test->samples);
}

TEST(CrossValidate, NeedsFoldsAndSamples) {
  test::TemporaryFolder folder;
  const data::Dataset dataset = data::load("generated:blobs:12:10");
  EXPECT_THAT(test::error_of([&] { validate(nn::load_recipe("iris"), dataset, 1, folder / "x"); }),
              testing::HasSubstr("at least 2"));
  EXPECT_THAT(test::error_of([&] { validate(nn::load_recipe("iris"), dataset, 12, folder / "x"); }),
              testing::HasSubstr("fewer than 12 folds"));
}

// The figures asked of the two tables: five folds, features standardised on the training part.
TEST(CrossValidate, IrisAndWineFiveFolds) {
  struct Wanted {
    const char* name;
    double accuracy;
  };
  for (const Wanted& wanted : {Wanted{"iris", 0.95}, Wanted{"wine", 0.96}}) {
    if (data::path(wanted.name).empty()) GTEST_SKIP() << wanted.name << " is not here";
    test::TemporaryFolder folder;
    const data::Dataset all = data::load(wanted.name, {.download = false, .test_fraction = 0});
    const CrossValidation result = validate(nn::load_recipe(wanted.name), all, 5, folder / "run");
    fmt::print("{}: mean accuracy {:.4f} +- {:.4f}\n", wanted.name, result.mean_accuracy,
               result.accuracy_deviation);
    RecordProperty(wanted.name, std::to_string(result.mean_accuracy));
    EXPECT_GE(result.mean_accuracy, wanted.accuracy) << wanted.name;
  }
}

}  // namespace
}  // namespace treino::train
