// SPDX-License-Identifier: Apache-2.0
#include "treino/cli/process_start.h"

#include "treino/base/clock.h"

namespace treino::cli {

double process_start() {
  static const double start = monotonic_seconds();
  return start;
}

}  // namespace treino::cli
