// SPDX-License-Identifier: Apache-2.0
// What is fitted to data is fitted to the samples that are trained on, not to those held out.
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"
#include "treino/backend/devices.h"
#include "treino/data/load.h"
#include "treino/nn/recipe.h"
#include "treino/train/fit.h"
#include "treino/train/order.h"

namespace treino::train {
namespace {

TEST(HeldOut, SamplesHaveNoPartInScaleAndWeights) {
  const test::TemporaryFolder folder;
  const data::Dataset set = data::load("generated:blobs:100:20");
  const nn::Recipe recipe = nn::parse_recipe(R"(
[input]
scale = "standard"
[[model]]
dense = { units = 3, activation = "softmax" }
[train]
validation = 0.3
class_weights = "balanced"
)",
                                             "blobs.toml");
  const auto device = make_device("cpu", {.threads = 1});
  Observer silent;
  fit(recipe, set, *device, {.out = folder / "run"}, silent);
  const nn::Recipe resolved = nn::load_recipe(folder / "run/recipe.toml");
  const auto rows = hold_out(100, 0.3, 1, set.train.labels.get()).training;
  const std::int64_t width = set.train.samples->shape[1];
  double mean = 0, all = 0;
  std::vector<double> counts(set.classes.size());
  for (const std::int32_t row : rows) {
    mean +=
        static_cast<double>(set.train.samples->as<float>()[static_cast<std::size_t>(row * width)]);
    ++counts[static_cast<std::size_t>(
        set.train.labels->as<std::int32_t>()[static_cast<std::size_t>(row)])];
  }
  for (std::int64_t row = 0; row < 100; ++row)
    all +=
        static_cast<double>(set.train.samples->as<float>()[static_cast<std::size_t>(row * width)]);
  const auto count = static_cast<double>(rows.size());
  EXPECT_NEAR(resolved.input.mean.at(0), mean / count, 1e-6);
  EXPECT_GT(std::abs(mean / count - all / 100), 1e-5);  // else nothing was compared
  for (std::size_t c = 0; c < counts.size(); ++c)
    EXPECT_NEAR(resolved.train.class_weights.values.at(c), count / (3 * counts[c]), 1e-6);
}

}  // namespace
}  // namespace treino::train
