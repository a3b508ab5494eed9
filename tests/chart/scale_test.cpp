// SPDX-License-Identifier: Apache-2.0
#include "treino/chart/scale.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace treino::chart {
namespace {

using testing::ElementsAre;

std::vector<std::string> labels(const Scale& scale, int most) {
  std::vector<std::string> out;
  for (const Tick& tick : ticks(scale, most)) out.push_back(tick.label);
  return out;
}

TEST(Ticks, stand_at_one_two_or_five) {
  EXPECT_THAT(labels({0, 1}, 5), ElementsAre("0", "0.2", "0.4", "0.6", "0.8", "1.0"));
  EXPECT_THAT(labels({0, 60}, 6), ElementsAre("0", "10", "20", "30", "40", "50", "60"));
  EXPECT_THAT(labels({-3, 4}, 4), ElementsAre("-2", "0", "2", "4"));
  EXPECT_THAT(labels({0, 0.004}, 4), ElementsAre("0", "0.001", "0.002", "0.003", "0.004"));
}

TEST(Ticks, shorten_thousands_alike) {
  EXPECT_THAT(labels({0, 20000}, 4), ElementsAre("0", "5k", "10k", "15k", "20k"));
  EXPECT_THAT(labels({0, 3e6}, 3), ElementsAre("0", "1M", "2M", "3M"));
}

TEST(Ticks, of_a_log_axis_are_decades_with_steps_where_there_is_room) {
  EXPECT_THAT(labels({0.5, 20000, true}, 5), ElementsAre("1", "10", "100", "1000", "10000"));
  EXPECT_THAT(labels({0.02, 2, true}, 6), ElementsAre("0.03", "0.1", "0.3", "1"));
  EXPECT_THAT(labels({2.1, 2.9, true}, 4), ElementsAre("2.2", "2.4", "2.6", "2.8"));
  EXPECT_THAT(labels({1e-9, 1e9, true}, 4).size(), testing::Le(5U));
}

TEST(Ticks, are_few_for_any_range) {
  for (const double low : {-1e12, -3.0, 0.0, 1e-7, 5.0}) {
    for (const double span : {1e-6, 0.3, 7.0, 1e4, 1e13}) {
      for (const int most : {1, 3, 10}) {
        const std::size_t count = ticks({low, low + span}, most).size();
        EXPECT_LE(count, static_cast<std::size_t>(most) + 1) << low << " " << span;
      }
    }
  }
}

TEST(Scale, of_values_starts_at_zero_and_ends_at_a_tick) {
  Chart chart;
  chart.series.push_back({.x = {1, 9}, .y = {3, 17}});
  const Scale y = y_scale(chart, 4);
  EXPECT_EQ(y.low, 0);
  EXPECT_EQ(y.high, 20);
  const Scale x = x_scale(chart, 4);
  EXPECT_EQ(x.low, 1);
  EXPECT_EQ(x.high, 9);
}

TEST(Scale, of_values_follows_the_data_where_that_is_asked_for) {
  Chart chart{.y = {.zoom = true}};
  chart.series.push_back({.x = {1, 9}, .y = {83.2, 84.9}});
  EXPECT_EQ(y_scale(chart, 4).low, 83);
}

TEST(Scale, keeps_fixed_ends) {
  Chart chart{.x = {.low = 0, .high = 60}, .y = {.low = 10, .high = 11}};
  chart.series.push_back({.x = {1, 9}, .y = {3, 17}});
  EXPECT_EQ(x_scale(chart, 4).high, 60);
  EXPECT_EQ(y_scale(chart, 4).low, 10);
  EXPECT_EQ(y_scale(chart, 4).high, 11);
}

TEST(Scale, has_room_whatever_the_numbers_are) {
  for (const std::vector<double>& values :
       {std::vector<double>{}, {kUnknown}, {0}, {7}, {-7}, {5, 5}, {1e300}, {-1e-300}}) {
    for (const bool log : {false, true}) {
      Chart chart{.x = {.log = log}, .y = {.log = log}};
      chart.series.push_back({.x = values, .y = values});
      for (const Scale& scale : {x_scale(chart, 5), y_scale(chart, 5)}) {
        EXPECT_LT(scale.low, scale.high);
        EXPECT_TRUE(std::isfinite(scale.place((scale.low + scale.high) / 2)));
      }
    }
  }
}

TEST(Scale, log_leaves_out_what_is_not_positive) {
  Chart chart{.y = {.log = true}};
  chart.series.push_back({.x = {0, 1, 2}, .y = {0, -4, 100}});
  EXPECT_GT(y_scale(chart, 5).low, 0);
}

TEST(Bars, of_several_series_stand_beside_each_other) {
  Chart chart{.x = {.categories = {"a"}}};
  chart.series.push_back({.kind = Kind::bars});
  chart.series.push_back({.kind = Kind::dots});
  chart.series.push_back({.kind = Kind::bars});
  EXPECT_DOUBLE_EQ(bar_place(chart, 0).offset, -0.2);
  EXPECT_DOUBLE_EQ(bar_place(chart, 2).offset, 0.2);
  EXPECT_DOUBLE_EQ(bar_place(chart, 2).width, 0.4);
}

TEST(Number, has_the_digits_that_matter) {
  EXPECT_EQ(number(0.12345), "0.1235");
  EXPECT_EQ(number(1562.4), "1562");
  EXPECT_EQ(number(0), "0");
  EXPECT_EQ(number(kUnknown), "-");
  EXPECT_EQ(number(1e-7), "1.000e-07");
  EXPECT_EQ(number(98, "%"), "98 %");
  EXPECT_EQ(number(kUnknown, "%"), "-");
}

}  // namespace
}  // namespace treino::chart
