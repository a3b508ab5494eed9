// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/power.h"

#include <boost/math/distributions/non_central_t.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

#include "treino/experiment/permutation.h"

namespace treino::experiment {

double power(double effect, double deviation, int n, double alpha) {
  if (n < 2) return 0;
  if (deviation <= 0) return effect != 0 ? 1 : 0;
  const double freedom = n - 1;
  const double limit = boost::math::quantile(boost::math::students_t(freedom), 1 - alpha / 2);
  const double shift = std::abs(effect) / deviation * std::sqrt(static_cast<double>(n));
  if (shift > limit + 30) return 1;  // the series would only cost time
  const boost::math::non_central_t shifted(freedom, shift);
  return boost::math::cdf(boost::math::complement(shifted, limit)) +
         boost::math::cdf(shifted, -limit);
}

int blocks_needed(double effect, double deviation, double alpha, double wanted) {
  for (int n = 2; n <= 1000; ++n) {
    if (least_p(n) < alpha && power(effect, deviation, n, alpha) >= wanted) return n;
  }
  return -1;
}

int least_blocks(int pairs, double alpha) {
  int n = 1;
  while (least_p(n) * pairs >= alpha) ++n;
  return n;
}

}  // namespace treino::experiment
