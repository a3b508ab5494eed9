// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "treino/experiment/location.h"

namespace treino::experiment {

using Statistic = double (*)(std::span<const double>);

// A number computed from resamples of the readings, ready for intervals of any level.
class Bootstrap {
 public:
  // Resample r takes reading floor(u n / 2^32) for the words u of Philox with key `seed`, in order:
  // the same readings and seed give the same interval everywhere.
  Bootstrap(std::span<const double> values, Statistic statistic, int resamples = 10000,
            std::uint64_t seed = 1);

  // The bias-corrected and accelerated interval (Efron, "Better bootstrap confidence intervals",
  // JASA 1987). The statistic's own value twice when all resamples agree.
  Interval interval(double level) const;

 private:
  double estimate_;
  std::vector<double> sorted_;  // the statistic of every resample, ascending
  double bias_ = 0;             // z0: how far the resamples' middle lies from the estimate
  double acceleration_ = 0;     // a: skewness of the jackknife
};

}  // namespace treino::experiment
