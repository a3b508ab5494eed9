// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/bootstrap.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <cmath>

#include "treino/base/rng.h"

namespace treino::experiment {

namespace {

// Skewness of the statistic as single readings are left out, over 6 (Efron and Tibshirani, "An
// introduction to the bootstrap", 14.15).
double jackknife_acceleration(std::span<const double> values, Statistic statistic) {
  if (values.size() < 2) return 0;
  std::vector<double> left_out;
  std::vector<double> rest;
  for (std::size_t skip = 0; skip < values.size(); ++skip) {
    rest.assign(values.begin(), values.end());
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(skip));
    left_out.push_back(statistic(rest));
  }
  const double middle = mean(left_out);
  double squares = 0, cubes = 0;
  for (const double value : left_out) {
    const double distance = middle - value;
    squares += distance * distance;
    cubes += distance * distance * distance;
  }
  return squares > 0 ? cubes / (6 * std::pow(squares, 1.5)) : 0;
}

}  // namespace

Bootstrap::Bootstrap(std::span<const double> values, Statistic statistic, int resamples,
                     std::uint64_t seed)
    : estimate_(statistic(values)) {
  Rng rng(seed, 0);
  std::vector<double> resample(values.size());
  for (int r = 0; r < resamples; ++r) {
    for (double& value : resample) {
      value = values[(std::uint64_t{rng.next_u32()} * values.size()) >> 32];
    }
    sorted_.push_back(statistic(resample));
  }
  std::ranges::sort(sorted_);
  const auto range = std::ranges::equal_range(sorted_, estimate_);
  const auto below = static_cast<double>(range.begin() - sorted_.begin());
  const auto equal = static_cast<double>(range.end() - range.begin());
  const double share = (below + equal / 2) / static_cast<double>(resamples);
  if (share > 0 && share < 1) bias_ = boost::math::quantile(boost::math::normal(), share);
  acceleration_ = jackknife_acceleration(values, statistic);
}

Interval Bootstrap::interval(double level) const {
  if (sorted_.front() == sorted_.back()) return {estimate_, estimate_};
  const boost::math::normal normal;
  const auto end = [&](double tail) {
    const double z = bias_ + boost::math::quantile(normal, tail);
    const double corrected = boost::math::cdf(normal, bias_ + z / (1 - acceleration_ * z));
    const double place = corrected * static_cast<double>(sorted_.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    if (below + 1 >= sorted_.size()) return sorted_.back();
    return std::lerp(sorted_[below], sorted_[below + 1], place - static_cast<double>(below));
  };
  return {end((1 - level) / 2), end((1 + level) / 2)};
}

}  // namespace treino::experiment
