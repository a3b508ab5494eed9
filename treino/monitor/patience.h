// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>

namespace treino::monitor {

// How long somebody who does not read is waited for.
struct Patience {
  int stop = -1;  // no longer once this descriptor is readable; -1: none
  double seconds = std::numeric_limits<double>::infinity();
};

}  // namespace treino::monitor
