// SPDX-License-Identifier: Apache-2.0
// Where a handful of readings lie: middles, intervals without assumptions, outliers.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace treino::experiment {

struct Interval {
  double low = 0, high = 0;
  bool contains(double value) const { return low <= value && value <= high; }
};

// "0.91 to 0.97", or nothing where there is none.
std::string to_string(const std::optional<Interval>& interval);

double mean(std::span<const double> values);
double standard_deviation(std::span<const double> values);  // of a sample (n - 1); 0 below two

// The q-quantile, linear between the two nearest (numpy's default). `values` must not be empty.
double quantile(std::span<const double> values, double q);
double median(std::span<const double> values);
double geometric_mean(std::span<const double> values);

// Fewer readings do not hold their median in an interval of 95 %: 1 - 2/2^n.
inline constexpr int kLeastForInterval = 6;

// Interval for the median from order statistics: holds for any distribution. Its level is at least
// `level`; nothing when there are too few values for it (fewer than kLeastForInterval for 95 %).
std::optional<Interval> median_interval(std::span<const double> values, double level = 0.95);

// Student's interval for the mean; nothing below two values.
std::optional<Interval> mean_interval(std::span<const double> values, double level = 0.95);

// Positions of readings whose modified z-score, 0.6745 |x - median| / MAD, passes 3.5 (Iglewicz and
// Hoaglin, "How to detect and handle outliers", 1993). They are shown, never dropped.
std::vector<int> outliers(std::span<const double> values);

}  // namespace treino::experiment
