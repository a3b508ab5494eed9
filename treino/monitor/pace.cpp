// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/pace.h"

#include <algorithm>

namespace treino::monitor {

void Pace::done(double t, double cpu_s) {
  ++passes_;
  spent_ += cpu_s;
  // Twice as far from the start each time, and never at more than a tenth of a core.
  const double apart = std::min(t, kSteady);
  next_ = t + std::max(apart, 10 * cpu_s);
  if (passes_ >= 2) next_ = std::max(next_, (spent_ + cpu_s - kCredit) / kShare);
}

}  // namespace treino::monitor
