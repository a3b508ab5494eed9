// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "treino/chart/chart.h"
#include "treino/chart/scale.h"
#include "treino/chart/text_parts.h"

namespace treino::chart {

namespace {

std::string category_values(const Chart& chart, const Series& series) {
  const bool side = sideways(chart);
  const Axis& names = side ? chart.y : chart.x;
  const std::vector<double>& values = side ? series.x : series.y;
  const std::vector<double>& places = side ? series.y : series.x;
  std::string out;
  for (std::size_t i = 0; i < values.size() && i < places.size() && i < 12; ++i) {
    const double place = std::round(places[i]);
    if (!(place >= 0 && place < static_cast<double>(names.categories.size()))) continue;
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ",
                       names.categories[static_cast<std::size_t>(place)],
                       std::isfinite(values[i]) ? number(values[i]) : "unknown");
  }
  return out;
}

std::string line_values(const Series& series) {
  double low = kUnknown;
  double high = kUnknown;
  double last = kUnknown;
  std::size_t unknown = 0;
  for (const double value : series.y) {
    if (!std::isfinite(value)) {
      ++unknown;
      continue;
    }
    low = std::isnan(low) ? value : std::min(low, value);
    high = std::isnan(high) ? value : std::max(high, value);
    last = value;
  }
  if (std::isnan(low)) return "no known value";
  std::string out =
      fmt::format("least {}, greatest {}, last {}", number(low), number(high), number(last));
  if (unknown > 0) out += fmt::format(", {} of {} unknown", unknown, series.y.size());
  return out;
}

}  // namespace

std::string summary(const Chart& chart) {
  std::string out = chart.description;
  const auto sentence = [&](const std::string& text) {
    if (text.empty()) return;
    if (!out.empty()) out += ' ';
    out += text;
    if (out.back() != '.') out += '.';
  };
  if (!out.empty() && out.back() != '.') out += '.';
  if (!axis_name(chart.x).empty()) sentence("Across: " + axis_name(chart.x));
  if (!axis_name(chart.y).empty()) sentence("Up: " + axis_name(chart.y));
  for (const Series& series : chart.series) {
    const bool named = !chart.x.categories.empty() || sideways(chart);
    const std::string values = named ? category_values(chart, series) : line_values(series);
    if (values.empty()) continue;
    sentence(series.name.empty() ? values : series.name + ": " + values);
  }
  if (!chart.events.empty()) {
    std::string events;
    for (std::size_t i = 0; i < chart.events.size() && i < 12; ++i) {
      events += fmt::format("{}{} at {}", i == 0 ? "Events: " : ", ", chart.events[i].label,
                            number(chart.events[i].x));
    }
    if (chart.events.size() > 12) events += fmt::format(" and {} more", chart.events.size() - 12);
    sentence(events);
  }
  return out;
}

}  // namespace treino::chart
