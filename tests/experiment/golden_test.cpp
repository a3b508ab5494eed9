// SPDX-License-Identifier: Apache-2.0
// Every statistic against scipy's (golden.json, written by make_golden.py).
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "treino/base/file.h"
#include "treino/experiment/statistics.h"

namespace treino::experiment {
namespace {

const nlohmann::json& golden() {
  static const nlohmann::json values = nlohmann::json::parse(
      read_whole_file(std::string(TREINO_SOURCE_DIR) + "/tests/experiment/golden.json"));
  return values;
}

constexpr double kTolerance = 1e-6;

class Golden : public testing::TestWithParam<const char*> {
 protected:
  const nlohmann::json& set = golden()["sets"][GetParam()];
  const std::vector<double> values = set["values"];

  void expect_interval(const char* key, const Interval& found) const {
    EXPECT_NEAR(found.low, set[key][0].get<double>(), kTolerance) << key;
    EXPECT_NEAR(found.high, set[key][1].get<double>(), kTolerance) << key;
  }
};

TEST_P(Golden, Location) {
  EXPECT_NEAR(median(values), set["median"], kTolerance);
  EXPECT_NEAR(standard_deviation(values), set["deviation"], kTolerance);
  EXPECT_NEAR(quantile(values, 0.1), set["quantile10"], kTolerance);
  EXPECT_NEAR(quantile(values, 0.9), set["quantile90"], kTolerance);
  std::vector<double> sizes;
  for (const double value : values) sizes.push_back(std::abs(value));
  EXPECT_NEAR(geometric_mean(sizes), set["geometric_mean"], kTolerance);
}

TEST_P(Golden, Intervals) {
  expect_interval("median_interval", median_interval(values).value());
  expect_interval("mean_interval", mean_interval(values).value());
  const Bootstrap middle(values, median, 10000, 1);
  expect_interval("bca_median_95", middle.interval(0.95));
  expect_interval("bca_median_90", middle.interval(0.90));
  expect_interval("bca_mean_95", Bootstrap(values, mean, 10000, 5).interval(0.95));
}

TEST_P(Golden, SignFlips) {
  std::vector<double> moved = values;
  for (double& value : moved) value -= set["flip_by"].get<double>();
  EXPECT_NEAR(sign_flip_p(moved, Side::both), set["flip_both"], kTolerance);
  EXPECT_NEAR(sign_flip_p(moved, Side::greater), set["flip_greater"], kTolerance);
  EXPECT_NEAR(sign_flip_p(moved, Side::less), set["flip_less"], kTolerance);
}

INSTANTIATE_TEST_SUITE_P(Sets, Golden,
                         testing::Values("normal", "skewed", "ties", "six", "outlier"),
                         [](const auto& info) { return std::string(info.param); });

TEST(GoldenFamilies, Holm) {
  for (const auto& family : golden()["holm"]) {
    const std::vector<double> ps = family["ps"], wanted = family["corrected"];
    const std::vector<double> found = holm(ps);
    ASSERT_EQ(found.size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(found[i], wanted[i], kTolerance);
  }
}

TEST(GoldenFamilies, Power) {
  for (const auto& row : golden()["power"]) {
    EXPECT_NEAR(power(row["effect"], row["deviation"], row["n"], row["alpha"]), row["power"],
                kTolerance)
        << row;
  }
}

}  // namespace
}  // namespace treino::experiment
