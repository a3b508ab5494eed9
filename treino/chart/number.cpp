// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>

#include "treino/chart/chart.h"

namespace treino::chart {

std::string number(double value) {
  if (!std::isfinite(value)) return "-";
  const double size = std::abs(value);
  if (size != 0 && (size >= 1e15 || size < 1e-5)) return fmt::format("{:.3e}", value);
  if (size >= 1000) return fmt::format("{:.0f}", value);
  std::string out = fmt::format("{:.4g}", value);
  if (out.find('e') != std::string::npos) out = fmt::format("{:.8f}", value);
  return out;
}

std::string number(double value, std::string_view unit) {
  return unit.empty() || !std::isfinite(value) ? number(value)
                                               : fmt::format("{} {}", number(value), unit);
}

}  // namespace treino::chart
