// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <time.h>

namespace treino::monitor {

// CPU seconds of the calling thread.
inline double thread_cpu_s() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace treino::monitor
