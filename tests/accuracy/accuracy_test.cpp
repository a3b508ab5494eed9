// SPDX-License-Identifier: Apache-2.0
// The two networks of the thesis on the full real sets. The bounds are what Keras 3 reaches with
// the same initialisers and batch-norm numbers, less the spread over seeds.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/support/temporary_folder.h"
#include "treino/backend/devices.h"
#include "treino/base/error.h"
#include "treino/data/load.h"
#include "treino/nn/recipe.h"
#include "treino/train/fit.h"

namespace treino {
namespace {

// Mean test accuracy over seeds 1 .. n after the recipe's own three epochs.
double mean_accuracy(const std::string& recipe_name, const data::Dataset& dataset, int seeds,
                     Precision precision = Precision::float32) {
  const auto device = make_device("cpu");
  double sum = 0;
  for (int seed = 1; seed <= seeds; ++seed) {
    const test::TemporaryFolder folder;
    nn::Recipe recipe =
        nn::load_recipe(std::string(TREINO_SOURCE_DIR) + "/recipes/" + recipe_name + ".toml");
    EXPECT_EQ(recipe.train.epochs, 3);
    recipe.train.seed = seed;
    recipe.train.precision = precision;
    train::FitOptions options;
    options.out = folder / "run";
    train::Observer silent;
    const train::FitResult result = train::fit(recipe, dataset, *device, options, silent);
    std::printf("seed %d: test accuracy %.4f, %.2f s\n", seed, result.test->accuracy,
                result.train_seconds);
    sum += result.test->accuracy;
  }
  return sum / seeds;
}

// The whole set, or nothing when this machine has none or an excerpt.
std::optional<data::Dataset> whole_set(const std::string& name, std::int64_t train) {
  try {
    data::Dataset dataset = data::load(name, {.download = false});
    if (dataset.train.size() == train) return dataset;
  } catch (const Error&) {
  }
  return std::nullopt;
}

TEST(Accuracy, MnistMeanOfTenSeeds) {
  const auto mnist = whole_set("mnist", 60'000);
  if (!mnist) GTEST_SKIP() << "MNIST is not on this machine (TREINO_DATA or the cache)";
  EXPECT_GE(mean_accuracy("mnist", *mnist, 10), 0.965);
}

TEST(Accuracy, MnistInBf16IsWithinAFifthOfAPoint) {
  const auto mnist = whole_set("mnist", 60'000);
  if (!mnist) GTEST_SKIP() << "MNIST is not on this machine (TREINO_DATA or the cache)";
  EXPECT_NEAR(mean_accuracy("mnist", *mnist, 5, Precision::bf16), mean_accuracy("mnist", *mnist, 5),
              0.002);
}

// A seed moves by four points with any other rounding (batch norm's running averages lag behind the
// batches'), the mean of five by nearly two; of twenty by one.
TEST(Accuracy, Cifar10MeanOfTwentySeeds) {
  const auto cifar = whole_set("cifar10", 50'000);
  if (!cifar)
    GTEST_SKIP() << "the whole CIFAR-10 is not on this machine (TREINO_DATA or the cache)";
  EXPECT_GE(mean_accuracy("cifar10", *cifar, 20), 0.56);
}

}  // namespace
}  // namespace treino
