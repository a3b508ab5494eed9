// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/errors.h"
#include "treino/base/rng.h"

namespace treino::experiment {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Location, MedianIntervalNeedsSixReadings) {
  EXPECT_FALSE(median_interval(std::vector<double>{1, 2, 3, 4, 5}));
  const auto six = median_interval(std::vector<double>{6, 1, 5, 2, 4, 3});
  ASSERT_TRUE(six);
  EXPECT_EQ(six->low, 1);
  EXPECT_EQ(six->high, 6);
}

TEST(Location, OutliersAreNamedAndKept) {
  const std::vector<double> values = {1.0, 1.01, 0.99, 1.02, 0.98, 3.0};
  EXPECT_THAT(outliers(values), ElementsAre(5));
  EXPECT_TRUE(outliers(std::vector<double>{2, 2, 2, 2}).empty());
}

TEST(SignFlips, LeastPIsTwoOverTwoToTheN) {
  for (int n = 1; n <= 10; ++n) {
    std::vector<double> all_above;
    for (int i = 0; i < n; ++i) all_above.push_back(1 + 0.1 * i);
    EXPECT_DOUBLE_EQ(sign_flip_p(all_above), least_p(n)) << n;
  }
  EXPECT_DOUBLE_EQ(least_p(5), 0.0625);
}

TEST(SignFlips, NoDifferencesAtAll) {
  EXPECT_EQ(sign_flip_p(std::vector<double>{0, 0, 0, 0, 0, 0}), 1);
  EXPECT_EQ(sign_flip_p(std::vector<double>{}), 1);
}

TEST(SignFlips, DrawnFlipsAgreeWithAllFlips) {
  std::vector<double> twenty, more;
  Rng rng(3, 0);
  for (int i = 0; i < 20; ++i) twenty.push_back(rng.normal() + 0.45);
  more = twenty;
  more.push_back(0);  // says nothing, and makes it one too many to try all
  EXPECT_NEAR(sign_flip_p(more), sign_flip_p(twenty), 0.02);
  EXPECT_EQ(sign_flip_p(more), sign_flip_p(more)) << "the draw is not repeatable";
}

TEST(Bootstrap, SameReadingsSameInterval) {
  const std::vector<double> values = {1, 2, 3, 4, 5, 6, 9};
  const Interval first = Bootstrap(values, median).interval(0.95);
  const Interval second = Bootstrap(values, median).interval(0.95);
  EXPECT_EQ(first.low, second.low);
  EXPECT_EQ(first.high, second.high);
  EXPECT_LT(first.low, 4);
  EXPECT_GT(first.high, 4);
}

TEST(Bootstrap, ReadingsThatNeverDiffer) {
  const Interval interval = Bootstrap(std::vector<double>(8, 2.5), median).interval(0.95);
  EXPECT_EQ(interval.low, 2.5);
  EXPECT_EQ(interval.high, 2.5);
}

TEST(Comparison, RatioIsTheMiddleOfTheBlocks) {
  const std::vector<double> a = {1, 2, 3}, b = {2, 2, 2};
  const Comparison one = compare_pair(a, b);
  EXPECT_DOUBLE_EQ(one.ratio, 1);
  EXPECT_THAT(one.block_ratios, ElementsAre(0.5, 1, 1.5));
}

TEST(Comparison, RefusesWhatHasNoRatio) {
  const std::vector<double> one = {1}, two = {1, 2}, zero = {0};
  EXPECT_THAT(test::error_of([&] { compare_pair(one, two); }), HasSubstr("cannot be paired"));
  EXPECT_THAT(test::error_of([&] { compare_pair(one, zero); }), HasSubstr("above 0"));
}

std::vector<Comparison> family_of(std::vector<std::pair<std::vector<double>, double>> factors,
                                  bool time, const CompareOptions& options = {}) {
  std::vector<Comparison> family;
  for (const auto& [base, factor] : factors) {
    std::vector<double> scaled;
    for (const double value : base) scaled.push_back(value * factor);
    family.push_back(compare_pair(scaled, std::vector<double>(base.size(), 1), options));
  }
  decide(family, time, options);
  return family;
}

const std::vector<double> kNoise = {1.002, 0.999, 1.001, 0.998,  1.0005,
                                    1.0,   0.997, 1.003, 0.9995, 1.001};

TEST(Verdict, WordsForTimesAndForOtherMetrics) {
  EXPECT_EQ(family_of({{kNoise, 0.5}}, true)[0].verdict, "faster");
  EXPECT_EQ(family_of({{kNoise, 2}}, true)[0].verdict, "slower");
  EXPECT_EQ(family_of({{kNoise, 0.5}}, false)[0].verdict, "less");
  EXPECT_EQ(family_of({{kNoise, 2}}, false)[0].verdict, "more");
  EXPECT_EQ(family_of({{kNoise, 1}}, true)[0].verdict, "equivalent");
}

TEST(Verdict, ADifferenceInsideTheMarginIsEquivalent) {
  CompareOptions wide;
  wide.margin = 0.05;
  EXPECT_EQ(family_of({{kNoise, 1.03}}, true)[0].verdict, "slower");
  EXPECT_EQ(family_of({{kNoise, 1.03}}, true, wide)[0].verdict, "equivalent");
}

TEST(Verdict, FiveBlocksNeverMakeAWinner) {
  const std::vector<double> five(kNoise.begin(), kNoise.begin() + 5);
  const Comparison one = family_of({{five, 3}}, true)[0];
  EXPECT_FALSE(one.can_decide);
  EXPECT_EQ(one.verdict, "no difference shown");
}

TEST(Verdict, EightBlocksCannotServeTenPairsAndNineCan) {
  const std::vector<double> eight(kNoise.begin(), kNoise.begin() + 8);
  const std::vector<double> nine(kNoise.begin(), kNoise.begin() + 9);
  const auto too_few = family_of(std::vector(10, std::pair{eight, 3.0}), true);
  const auto enough = family_of(std::vector(10, std::pair{nine, 3.0}), true);
  EXPECT_FALSE(too_few[0].can_decide);
  EXPECT_EQ(too_few[0].verdict, "no difference shown");
  EXPECT_TRUE(enough[0].can_decide);
  EXPECT_EQ(enough[0].verdict, "slower");
  EXPECT_EQ(least_blocks(10), 9);
  EXPECT_EQ(least_blocks(1), 6);
}

TEST(Verdict, OneWildBlockDoesNotMakeAWinner) {
  std::vector<double> readings = kNoise;
  readings[3] = 9;
  EXPECT_NE(family_of({{readings, 1}}, true)[0].verdict, "slower");
}

TEST(Power, MoreNoiseNeedsMoreBlocks) {
  const int quiet = blocks_needed(0.05, 0.02, 0.05), loud = blocks_needed(0.05, 0.08, 0.05);
  EXPECT_GE(quiet, 6) << "below 6 the sign-flip test cannot pass 5 %";
  EXPECT_GT(loud, quiet);
  EXPECT_GE(power(0.05, 0.08, loud, 0.05), 0.8);
  EXPECT_LT(power(0.05, 0.08, loud - 1, 0.05), 0.8);
  EXPECT_EQ(blocks_needed(0.0001, 0.5, 0.05), -1);
}

TEST(TimeToAccuracy, EndOfTheFirstEpochThatReachesIt) {
  std::vector<Epoch> epochs(3);
  for (int i = 0; i < 3; ++i) {
    epochs[i].seconds = 2;
    epochs[i].accuracy = 0.8 + 0.05 * i;
  }
  EXPECT_EQ(time_to_accuracy(epochs, 0.84), 4);
  EXPECT_EQ(time_to_accuracy(epochs, 0.8), 2);
  EXPECT_FALSE(time_to_accuracy(epochs, 0.95));
  epochs[1].accuracy.reset();
  EXPECT_EQ(time_to_accuracy(epochs, 0.84), 6);
}

}  // namespace
}  // namespace treino::experiment
