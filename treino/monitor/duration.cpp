// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/duration.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "treino/base/error.h"

namespace treino::monitor {

double parse_duration(const std::string& text, const std::string& option) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"", 1}, {"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"m", 60}, {"min", 60}, {"h", 3600}};
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  const std::string_view unit = end;
  for (const auto& [name, seconds] : kUnits) {
    if (end == text.c_str() || unit != name || !std::isfinite(number)) continue;
    if (number * seconds > 0) return number * seconds;
    throw Error::mistake(fmt::format("{} {}: must be longer than nothing", option, text));
  }
  throw Error::mistake(fmt::format("{} {}: wanted is a time like 100ms, 1.5s or 2m", option, text));
}

}  // namespace treino::monitor
