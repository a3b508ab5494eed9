// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/clock.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "treino/monitor/pace.h"
#include "treino/monitor/tick_cost.h"

namespace treino::monitor {
namespace {

TEST(Beats, OnTimeEachIsKept) {
  Beats beats(100, 0.1);
  for (int k = 1; k <= 1000; ++k) {
    EXPECT_DOUBLE_EQ(beats.next(), 100 + k * 0.1);
    EXPECT_FALSE(beats.due(100 + k * 0.1 - 0.01));
    EXPECT_TRUE(beats.due(100 + k * 0.1 + 0.0001));
  }
  EXPECT_EQ(beats.take_missed(), 0);
}

TEST(Beats, HalfASecondAsleepMissesFiveAndMakesUpForNone) {
  Beats beats(0, 0.1);
  EXPECT_TRUE(beats.due(0.1001));
  EXPECT_FALSE(beats.due(0.63));  // 0.2 ... 0.6 went by
  EXPECT_DOUBLE_EQ(beats.next(), 0.7);
  EXPECT_TRUE(beats.due(0.7001));
  EXPECT_EQ(beats.take_missed(), 5);
  EXPECT_EQ(beats.take_missed(), 0);
}

TEST(Beats, ALateRowIsStillItsOwn) {
  Beats beats(0, 0.1);
  EXPECT_TRUE(beats.due(0.19));
  EXPECT_TRUE(beats.due(0.2001));
  EXPECT_EQ(beats.take_missed(), 0);
}

TEST(RealClock, WaitsUntilAnAbsoluteTime) {
  RealClock clock;
  const double until = clock.now() + 0.02;
  clock.wait(until, {});
  EXPECT_GE(clock.now(), until - 1e-6);
  clock.wait(until - 1, {});  // past: at once
}

struct Paced {
  int passes = 0, early = 0;  // early: in the first half second
  double spent = 0, last = 0;
};

// Passes of that cost over something of size(t), looked at every 10 ms.
Paced paced(double cost, double seconds, double (*size)(double)) {
  Pace pace;
  Paced result;
  for (double t = 0; t < seconds; t += 0.01) {
    if (!pace.due(t, size(t))) continue;
    pace.done(t, cost, size(t));
    result.last = t;
    if (t < 0.5) ++result.early;
    // Two come in any case; after that the share rules.
    if (pace.passes() > 2) {
      EXPECT_LE(pace.spent(), Pace::kHeldCredit + Pace::kShare * t + 0.01 * cost)
          << cost << " at " << t;
    }
  }
  result.passes = pace.passes();
  result.spent = pace.spent();
  return result;
}

TEST(Pace, HalfASecondHasSomeAndAllOfItStaysUnderItsShare) {
  for (const double cost : {0.0002, 0.002, 0.028, 1.5}) {
    const Paced still = paced(cost, 600, [](double) { return 1.0; });
    EXPECT_GE(still.early, cost < 0.03 ? 2 : 1) << cost;
    if (cost < 0.1) EXPECT_LE(still.spent, 2 * cost + Pace::kCredit + Pace::kShare * 600) << cost;
  }
}

TEST(Pace, CheapPassesComeOnceASecond) {
  EXPECT_NEAR(paced(0.001, 100, [](double) { return 1.0; }).passes, 105, 3);
}

TEST(Pace, WhatHasGrownIsReadAgainBeforeItsTime) {
  // Grows for a second and a half, then holds: an early pass has seen all of it.
  const auto growing = [](double t) { return std::min(t, 1.5); };
  const Paced result = paced(0.008, 3, growing);
  EXPECT_GE(result.last, 1.5);
  EXPECT_LE(result.spent, Pace::kHeldCredit + 0.01);
}

TEST(TickCost, QuantilesAreTightAndBounded) {
  TickCost cost;
  EXPECT_EQ(cost.quantile(0.5), 0);
  for (int i = 0; i < 990; ++i) cost.add(1e-4);
  for (int i = 0; i < 10; ++i) cost.add(1e-2);
  EXPECT_NEAR(cost.quantile(0.5), 1e-4, 0.15e-4);
  EXPECT_NEAR(cost.quantile(0.999), 1e-2, 0.15e-2);
  cost.add(0);
  cost.add(1e9);
  EXPECT_LE(cost.quantile(1), 1e9);
}

}  // namespace
}  // namespace treino::monitor
