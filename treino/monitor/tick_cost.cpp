// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/tick_cost.h"

#include <algorithm>
#include <cmath>

namespace treino::monitor {

namespace {
constexpr double kSmallest = 1e-6;  // seconds
constexpr double kPerDoubling = 6;  // bins; 240 of them reach 10^6 s
}  // namespace

void TickCost::add(double seconds) {
  const double bin = std::ceil(kPerDoubling * std::log2(std::max(seconds, kSmallest) / kSmallest));
  ++bins_[static_cast<std::size_t>(std::clamp(bin, 0.0, kBins - 1.0))];
  ++count_;
}

double TickCost::quantile(double share) const {
  const auto wanted = static_cast<std::int64_t>(std::ceil(share * static_cast<double>(count_)));
  std::int64_t seen = 0;
  for (int bin = 0; bin < kBins && count_ > 0; ++bin) {
    seen += bins_[static_cast<std::size_t>(bin)];
    if (seen >= wanted) return kSmallest * std::exp2(bin / kPerDoubling);
  }
  return 0;
}

}  // namespace treino::monitor
