// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/pace.h"

#include <algorithm>

namespace treino::monitor {

namespace {
constexpr double kLeastApart = 0.1;   // seconds, while it grows
constexpr double kHolds = 1.005;      // from look to look
constexpr double kMostOfACore = 0.1;  // during the early passes
}  // namespace

bool Pace::due(double t, double size) {
  const bool holds = size <= kHolds * seen_;
  seen_ = size;
  if (t >= next_) return true;
  return passes_ > 0 && size > (holds ? kGrown : kGrowing) * size_ &&
         t >= last_ + std::max(kLeastApart, cost_ / kMostOfACore) &&
         spent_ + cost_ <= (holds ? kHeldCredit : kGrowthCredit) + kShare * t;
}

void Pace::done(double t, double cpu_s, double size) {
  ++passes_;
  spent_ += cpu_s;
  last_ = t;
  cost_ = cpu_s;
  size_ = size;
  // Twice as far from the start each time, to begin with.
  next_ = t + std::max(std::min(t, kSteady), cpu_s / kMostOfACore);
  if (passes_ >= 2) next_ = std::max(next_, (spent_ + cpu_s - kCredit) / kShare);
}

}  // namespace treino::monitor
