// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "treino/backend/devices.h"
#include "treino/data/load.h"
#include "treino/nn/steps.h"
#include "treino/train/fit.h"
#include "treino/train/order.h"

namespace treino::train {
namespace {

FitResult train_with(std::vector<nn::Override> overrides) {
  test::TemporaryFolder folder;
  overrides.emplace_back("train.epochs", "4");
  const auto device = make_device("cpu", {.threads = 1});
  Observer observer;
  return fit(nn::load_recipe("iris", overrides), data::load("generated:blobs:300:100"), *device,
             {.out = folder / "run", .threads = 1}, observer);
}

TEST(ClassWeights, OnesChangeNothingAndTwosDoubleTheLoss) {
  const FitResult none = train_with({});
  EXPECT_NEAR(train_with({{"train.class_weights", "[1, 1, 1]"}}).test->loss, none.test->loss, 1e-4);
  const FitResult still = train_with({{"train.optimizer.rate", "1e-9"}});
  const FitResult twos =
      train_with({{"train.optimizer.rate", "1e-9"}, {"train.class_weights", "[2, 2, 2]"}});
  EXPECT_NEAR(twos.epochs[0].training.loss, 2 * still.epochs[0].training.loss, 1e-4);
  EXPECT_NEAR(twos.test->loss, still.test->loss, 1e-5);  // the test is not weighted
}

TEST(ClassWeights, ClassesWithoutWeightAreNotLearnt) {
  const double all = train_with({}).test->accuracy;
  EXPECT_GT(all, 0.9);
  EXPECT_LT(train_with({{"train.class_weights", "[0, 0, 1]"}}).test->accuracy, all - 0.2);
}

TEST(ClassWeights, BalancedIsMadeOfTheLabels) {
  HostTensor labels(DType::i32, Shape{8});
  for (std::size_t i = 0; i < 8; ++i) labels.as<std::int32_t>()[i] = i < 6 ? 0 : 1;
  nn::TrainOptions train;
  train.class_weights.balanced = true;
  nn::balance(train, labels, 3);
  EXPECT_THAT(train.class_weights.values, testing::ElementsAre(8.0 / 18, 8.0 / 6, 0));
  train.class_weights.values = {1, 2};
  EXPECT_THAT(test::error_of([&] { nn::balance(train, labels, 3); }),
              testing::HasSubstr("train.class_weights has 2 numbers but the data have 3 classes"));
  EXPECT_THAT(test::error_of([&] {
                train_with({{"train.class_weights", "heavy"}});
              }),
              testing::HasSubstr("balanced"));
}

TEST(Holdout, IsStratifiedAndAsLargeAsAsked) {
  HostTensor labels(DType::i32, Shape{100});
  for (std::size_t i = 0; i < 100; ++i) labels.as<std::int32_t>()[i] = i < 70 ? 0 : i < 95 ? 1 : 2;
  const Holdout split = hold_out(100, 0.3, 5, &labels);
  int counts[3] = {};
  for (const std::int32_t row : split.validation)
    ++counts[labels.as<std::int32_t>()[static_cast<std::size_t>(row)]];
  EXPECT_EQ(split.validation.size(), 30U);
  EXPECT_EQ(split.training.size(), 70U);
  EXPECT_EQ(counts[0], 21);
  EXPECT_NEAR(counts[1], 7.5, 0.5);
  EXPECT_NEAR(counts[2], 1.5, 0.5);
  EXPECT_TRUE(std::is_sorted(split.training.begin(), split.training.end()));
  EXPECT_EQ(hold_out(100, 0.3, 5, &labels).validation, split.validation);
  EXPECT_NE(hold_out(100, 0.3, 6, &labels).validation, split.validation);
}

}  // namespace
}  // namespace treino::train
