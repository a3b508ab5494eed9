// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/location.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>

namespace treino::experiment {

namespace {

double quantile_of_sorted(std::span<const double> sorted, double q) {
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  if (below + 1 >= sorted.size()) return sorted.back();
  return std::lerp(sorted[below], sorted[below + 1], place - static_cast<double>(below));
}

std::vector<double> sorted_copy(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::ranges::sort(sorted);
  return sorted;
}

}  // namespace

std::string to_string(const std::optional<Interval>& interval) {
  return interval ? fmt::format("{:.4g} to {:.4g}", interval->low, interval->high) : "";
}

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double standard_deviation(std::span<const double> values) {
  if (values.size() < 2) return 0;
  const double middle = mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - middle) * (value - middle);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

double quantile(std::span<const double> values, double q) {
  return quantile_of_sorted(sorted_copy(values), q);
}

double median(std::span<const double> values) {
  return quantile(values, 0.5);
}

double geometric_mean(std::span<const double> values) {
  double logs = 0;
  for (const double value : values) logs += std::log(value);
  return std::exp(logs / static_cast<double>(values.size()));
}

std::optional<Interval> median_interval(std::span<const double> values, double level) {
  if (values.empty()) return std::nullopt;
  // The k-th smallest and k-th largest miss the median when fewer than k values lie on one side:
  // probability 2 P(Binomial(n, 1/2) <= k - 1). The largest k within the level is the tightest.
  const boost::math::binomial sides(static_cast<double>(values.size()), 0.5);
  std::size_t k = 0;
  while (2 * (k + 1) <= values.size() &&
         2 * boost::math::cdf(sides, static_cast<double>(k)) <= 1 - level) {
    ++k;
  }
  if (k == 0) return std::nullopt;
  const std::vector<double> sorted = sorted_copy(values);
  return Interval{sorted[k - 1], sorted[sorted.size() - k]};
}

std::optional<Interval> mean_interval(std::span<const double> values, double level) {
  if (values.size() < 2) return std::nullopt;
  const auto n = static_cast<double>(values.size());
  const boost::math::students_t t(n - 1);
  const double half =
      boost::math::quantile(t, 0.5 + level / 2) * standard_deviation(values) / std::sqrt(n);
  return Interval{mean(values) - half, mean(values) + half};
}

std::vector<int> outliers(std::span<const double> values) {
  std::vector<int> found;
  if (values.size() < 5) return found;  // fewer have no spread worth the name
  const double middle = median(values);
  std::vector<double> distances;
  for (const double value : values) distances.push_back(std::abs(value - middle));
  const double spread = median(distances);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (spread > 0 && 0.6745 * distances[i] / spread > 3.5) found.push_back(static_cast<int>(i));
  }
  return found;
}

}  // namespace treino::experiment
