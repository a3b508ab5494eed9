// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ctime>

namespace treino {

// Seconds on CLOCK_MONOTONIC: the clock of every event and every measurement.
inline double monotonic_seconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

}  // namespace treino
