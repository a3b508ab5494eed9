// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace treino::nn {
namespace {

double at(const Schedule& schedule, double step) {
  return schedule_factor(schedule, step, 10, 4);
}

TEST(Schedule, Constant) {
  EXPECT_EQ(at(ConstantRate{}, 123), 1);
}

TEST(Schedule, WarmUp) {
  EXPECT_EQ(at(WarmUpRate{.epochs = 2}, 0), 0);
  EXPECT_NEAR(at(WarmUpRate{.epochs = 2}, 5), 0.25, 1e-15);
  EXPECT_EQ(at(WarmUpRate{.epochs = 2}, 20), 1);
  EXPECT_EQ(at(WarmUpRate{.epochs = 2}, 200), 1);
}

TEST(Schedule, StepsFallAtTheirBorders) {
  const StepRate rate{.every = 1, .factor = 0.5};
  EXPECT_NEAR(at(rate, 9), 1, 1e-15);
  EXPECT_NEAR(at(rate, 10), 0.5, 1e-15);
  EXPECT_NEAR(at(rate, 39), 0.125, 1e-15);
  const StepRate third{.every = 0.3, .factor = 0.1};  // three steps
  EXPECT_NEAR(at(third, 2), 1, 1e-15);
  for (int k = 1; k < 10; ++k) EXPECT_NEAR(at(third, 3 * k) / std::pow(0.1, k), 1, 1e-12);
  const StepRate warmed{.every = 1, .factor = 0.5, .warm_up = 1};
  EXPECT_NEAR(at(warmed, 5), 0.5, 1e-15);
  EXPECT_NEAR(at(warmed, 10), 1, 1e-15);
  EXPECT_NEAR(at(warmed, 20), 0.5, 1e-15);
}

TEST(Schedule, Cosine) {
  const CosineRate rate{.final = 0.1};
  EXPECT_NEAR(at(rate, 0), 1, 1e-15);
  EXPECT_NEAR(at(rate, 20), 0.55, 1e-15);
  EXPECT_NEAR(at(rate, 40), 0.1, 1e-15);
  EXPECT_NEAR(at(rate, 90), 0.1, 1e-15);
  const CosineRate warmed{.warm_up = 2, .epochs = 3};
  EXPECT_NEAR(at(warmed, 10), 0.5, 1e-15);
  EXPECT_NEAR(at(warmed, 25), 0.5, 1e-15);
  EXPECT_NEAR(at(warmed, 30), 0, 1e-15);
}

TEST(Schedule, OneCycleIsPyTorchs) {
  // torch.optim.lr_scheduler.OneCycleLR(total_steps=40): first phase ends at 11, last at 39.
  const OneCycleRate rate{};
  EXPECT_NEAR(at(rate, 0), 1 / 25.0, 1e-15);
  EXPECT_NEAR(at(rate, 11), 1, 1e-12);
  EXPECT_NEAR(at(rate, 5.5), 0.5 * (1 + 1 / 25.0), 1e-12);
  EXPECT_NEAR(at(rate, 25), 0.5 * (1 + 1 / 25e4), 1e-12);
  EXPECT_NEAR(at(rate, 39), 1 / 25e4, 1e-12);
  EXPECT_NEAR(at(rate, 4), 1 + (1 / 25.0 - 1) * 0.5 * (1 + std::cos(std::numbers::pi * 4 / 11)),
              1e-12);
}

// Of 3 steps the first phase would end before step 0; of 20 the last one begins at step 18.4.
TEST(Schedule, OneCycleOfFewSteps) {
  const auto half = [](double part) { return 0.5 * (1 + std::cos(std::numbers::pi * part)); };
  const OneCycleRate rate{};
  EXPECT_NEAR(schedule_factor(rate, 0, 3, 1), half(0.1 / 2.1) * (1 - 1 / 25e4) + 1 / 25e4, 1e-12);
  EXPECT_NEAR(schedule_factor(rate, 2, 3, 1), 1 / 25e4, 1e-12);
  const OneCycleRate late{.peak = 0.97};
  EXPECT_NEAR(schedule_factor(late, 18, 20, 1), half(18 / 18.4) * (1 / 25.0 - 1) + 1, 1e-12);
  EXPECT_NEAR(schedule_factor(late, 19, 20, 1), 1 / 25e4, 1e-12);
}

TEST(Schedule, OnlyOpenEndsDependOnTheTotal) {
  EXPECT_FALSE(depends_on_total(ConstantRate{}));
  EXPECT_FALSE(depends_on_total(StepRate{}));
  EXPECT_FALSE(depends_on_total(WarmUpRate{}));
  EXPECT_TRUE(depends_on_total(CosineRate{}));
  EXPECT_FALSE(depends_on_total(CosineRate{.epochs = 3}));
  EXPECT_TRUE(depends_on_total(OneCycleRate{}));
}

}  // namespace
}  // namespace treino::nn
