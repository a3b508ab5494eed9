// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "treino/base/error.h"
#include "treino/experiment/bootstrap.h"
#include "treino/experiment/permutation.h"

namespace treino::experiment {

namespace {

Interval exponential(const Interval& logs) {
  return {std::exp(logs.low), std::exp(logs.high)};
}

// Two one-sided tests: the difference is above the lower margin and below the upper one.
double equivalence_p(std::span<const double> logs, double margin, unsigned long long seed) {
  const double limit = std::log1p(margin);
  std::vector<double> above, below;
  for (const double value : logs) {
    above.push_back(value + limit);
    below.push_back(value - limit);
  }
  return std::max(sign_flip_p(above, Side::greater, seed), sign_flip_p(below, Side::less, seed));
}

}  // namespace

Comparison compare_pair(std::span<const double> a, std::span<const double> b,
                        const CompareOptions& options) {
  if (a.size() != b.size() || a.empty()) {
    throw Error::mistake(
        fmt::format("{} and {} readings cannot be paired; wanted are as many, at least one",
                    a.size(), b.size()));
  }
  std::vector<double> logs;
  Comparison comparison;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!(a[i] > 0) || !(b[i] > 0)) {
      throw Error::mistake(
          fmt::format("pair {} ({} and {}) has no ratio: both must be above 0", i + 1, a[i], b[i]));
    }
    comparison.block_ratios.push_back(a[i] / b[i]);
    logs.push_back(std::log(a[i]) - std::log(b[i]));
  }
  const Bootstrap bootstrap(logs, median, options.resamples, options.seed);
  comparison.n = static_cast<int>(a.size());
  comparison.ratio = std::exp(median(logs));
  if (comparison.n >= kLeastForInterval) {
    comparison.ci95 = exponential(bootstrap.interval(0.95));
    comparison.ci90 = exponential(bootstrap.interval(0.90));
  }
  comparison.p = sign_flip_p(logs, Side::both, options.seed);
  comparison.p_equivalent = equivalence_p(logs, options.margin, options.seed);
  comparison.log_deviation = standard_deviation(logs);
  return comparison;
}

void decide(std::span<Comparison> family, bool time, const CompareOptions& options) {
  std::vector<double> ps;
  for (const Comparison& one : family) ps.push_back(one.p);
  const std::vector<double> corrected = holm(ps);
  for (std::size_t i = 0; i < family.size(); ++i) {
    Comparison& one = family[i];
    one.p_corrected = corrected[i];
    one.can_decide = least_p(one.n) * static_cast<double>(family.size()) < options.alpha;
    const double least = 1 / (1 + options.margin), most = 1 + options.margin;
    const auto within = [&](const std::optional<Interval>& interval) {
      return interval && least < interval->low && interval->high < most;
    };
    const bool inside = within(one.ci95), apart = one.ci95 && !one.ci95->contains(1);
    // The test looks at the mean of the logarithms, the ratio at their median: a winner only where
    // both point the same way.
    double logs = 0;
    for (const double ratio : one.block_ratios) logs += std::log(ratio);
    const bool agree = (logs < 0) == (one.ratio < 1);
    if (one.p_corrected < options.alpha && apart && agree && !inside) {
      one.verdict = one.ratio < 1 ? (time ? "faster" : "less") : (time ? "slower" : "more");
    } else if (one.p_equivalent < options.alpha && within(one.ci90)) {
      one.verdict = "equivalent";
    } else {
      one.verdict = "no difference shown";
    }
  }
}

}  // namespace treino::experiment
