// SPDX-License-Identifier: Apache-2.0
// One number read from the machine, or the reason why there is none. It is never 0 because it could
// not be read.
#pragma once

#include <cmath>
#include <limits>
#include <string_view>

namespace treino::monitor {

struct Reading {
  double value = std::numeric_limits<double>::quiet_NaN();  // NaN: unknown
  // Unknown: why. Known: how it was come by where that is not the plain way ("inferred", "idle").
  // Outlives everything: a literal or lasting_note().
  const char* note = "not read";

  static Reading of(double value, const char* note = "") { return {value, note}; }
  static Reading absent(const char* why) { return {std::numeric_limits<double>::quiet_NaN(), why}; }
  bool known() const { return !std::isnan(value); }
};

// A note made at run time, kept (once) until the program ends. For the few texts that name a driver
// version or an errno; never for something that differs at every tick.
const char* lasting_note(std::string_view text);

}  // namespace treino::monitor
