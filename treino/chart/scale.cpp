// SPDX-License-Identifier: Apache-2.0
#include "treino/chart/scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace treino::chart {

namespace {

struct Range {
  double low = kUnknown;
  double high = kUnknown;

  void add(double value, bool log) {
    if (!Scale{.log = log}.holds(value)) return;
    low = std::isnan(low) ? value : std::min(low, value);
    high = std::isnan(high) ? value : std::max(high, value);
  }
};

// 1, 2 or 5 times a power of ten, so that `span` takes at most `most` steps.
double step_for(double span, int most) {
  const double raw = span / std::max(most, 1);
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

// All labels of an axis with as many decimals as its step needs; thousands as k, M, G where every
// label would be long.
std::string tick_label(double value, double step, double largest) {
  double divisor = 1;
  const char* suffix = "";
  if (largest >= 1e9) {
    divisor = 1e9;
    suffix = "G";
  } else if (largest >= 1e6) {
    divisor = 1e6;
    suffix = "M";
  } else if (largest >= 1e4) {
    divisor = 1e3;
    suffix = "k";
  }
  if (largest >= 1e13 || (largest < 1e-4 && largest > 0)) return fmt::format("{:.3g}", value);
  const double scaled_step = step / divisor;
  const int decimals =
      std::clamp(static_cast<int>(std::ceil(-std::log10(scaled_step) - 1e-9)), 0, 9);
  if (std::abs(value) < step * 1e-6) return "0";
  return fmt::format("{:.{}f}{}", value / divisor, decimals, suffix);
}

std::vector<Tick> log_ticks(const Scale& scale, int most) {
  std::vector<Tick> out;
  // Decades inside the scale; the steps between them, when there is room, may lie one below.
  const int first = static_cast<int>(std::ceil(std::log10(scale.low) - 1e-9));
  const int last = static_cast<int>(std::floor(std::log10(scale.high) + 1e-9));
  const int decades = std::max(last - first + 1, 1);
  const int every = (decades + most - 1) / std::max(most, 1);
  std::vector<double> factors{1};
  if ((decades + 1) * 2 <= most) factors = {1, 3};
  if ((decades + 1) * 3 <= most) factors = {1, 2, 5};
  const int start = factors.size() > 1 ? first - 1 : first;
  for (int decade = start; decade <= last; decade += std::max(every, 1)) {
    for (const double factor : factors) {
      const double value = factor * std::pow(10.0, decade);
      if (value < scale.low * (1 - 1e-9) || value > scale.high * (1 + 1e-9)) continue;
      out.push_back({value, number(value)});
    }
  }
  // Less than a decade without a round number inside: the steps of a linear axis serve.
  if (out.size() < 2) {
    out.clear();
    const double step = step_for(scale.high - scale.low, most);
    for (double k = std::ceil(scale.low / step); k * step <= scale.high * (1 + 1e-9); ++k) {
      out.push_back({k * step, number(k * step)});
    }
  }
  return out;
}

// The range of an axis that carries values. `tight` leaves the ends at the data.
Scale value_scale(const Axis& axis, Range range, bool from_zero, bool tight, int most) {
  Scale scale{.log = axis.log};
  if (std::isnan(range.low)) range = {axis.log ? 1.0 : 0.0, axis.log ? 10.0 : 1.0};
  if (from_zero && !axis.log) range = {std::min(range.low, 0.0), std::max(range.high, 0.0)};
  if (axis.log) {
    if (range.high <= range.low) range = {range.low / 2, range.high * 2};
    if (!tight) {
      const double margin = std::pow(range.high / range.low, 0.05);
      range = {range.low / margin, range.high * margin};
    }
  } else {
    if (range.high <= range.low) {
      const double half = range.low == 0 ? 1 : std::abs(range.low) / 2;
      range = range.low == 0 ? Range{0, 1} : Range{range.low - half, range.high + half};
    }
    if (!tight) {
      const double step = step_for(range.high - range.low, most);
      range.low = std::floor(range.low / step + 1e-9) * step;
      range.high = std::ceil(range.high / step - 1e-9) * step;
    }
  }
  scale.low = axis.low.value_or(range.low);
  scale.high = axis.high.value_or(range.high);
  if (axis.log && scale.low <= 0) scale.low = range.low;
  if (!(scale.high > scale.low)) scale.high = axis.log ? scale.low * 10 : scale.low + 1;
  return scale;
}

bool has_bars(const Chart& chart) {
  return std::any_of(chart.series.begin(), chart.series.end(),
                     [](const Series& s) { return s.kind == Kind::bars; });
}

bool has_points(const Chart& chart) {
  return std::any_of(chart.series.begin(), chart.series.end(),
                     [](const Series& s) { return s.kind == Kind::dots || s.kind == Kind::bars; });
}

Scale category_scale(const Axis& axis) {
  return {-0.5, std::max(static_cast<double>(axis.categories.size()), 1.0) - 0.5};
}

void add_values(Range& range, const std::vector<double>& values, bool log) {
  for (const double value : values) range.add(value, log);
}

// The range along the axis that low and high belong to.
void add_intervals(Range& range, const Chart& chart, bool log) {
  for (const Series& series : chart.series) {
    add_values(range, series.low, log);
    add_values(range, series.high, log);
  }
}

}  // namespace

bool Scale::holds(double value) const {
  constexpr double kFar = 1e100;  // beyond it differences and ratios would overflow
  return std::abs(value) < kFar && (!log || value > 1 / kFar);
}

double Scale::place(double value) const {
  if (log) return std::log(value / low) / std::log(high / low);
  return (value - low) / (high - low);
}

std::vector<Tick> ticks(const Scale& scale, int most) {
  if (scale.log) return log_ticks(scale, most);
  std::vector<Tick> out;
  const double step = step_for(scale.high - scale.low, most);
  const double largest = std::max(std::abs(scale.low), std::abs(scale.high));
  const double first = std::ceil(scale.low / step - 1e-9);
  for (int k = 0; (first + k) * step <= scale.high + step * 1e-9 && k < 1000; ++k) {
    const double value = (first + k) * step;
    out.push_back({value, tick_label(value, step, largest)});
  }
  return out;
}

bool sideways(const Chart& chart) {
  return !chart.y.categories.empty();
}

Scale x_scale(const Chart& chart, int most_ticks) {
  if (!chart.x.categories.empty()) return category_scale(chart.x);
  Range range;
  for (const Series& series : chart.series) add_values(range, series.x, chart.x.log);
  for (const EventMark& event : chart.events) range.add(event.x, chart.x.log);
  for (const Reference& line : chart.references) {
    if (line.vertical) range.add(line.value, chart.x.log);
  }
  const bool side = sideways(chart);
  if (side) add_intervals(range, chart, chart.x.log);
  const bool zero = chart.x.from_zero || (side && has_bars(chart));
  return value_scale(chart.x, range, zero, !side && !has_points(chart), most_ticks);
}

Scale y_scale(const Chart& chart, int most_ticks) {
  if (sideways(chart)) {
    const Scale scale = category_scale(chart.y);
    return {scale.high, scale.low};  // the first name on top
  }
  Range range;
  for (const Series& series : chart.series) add_values(range, series.y, chart.y.log);
  add_intervals(range, chart, chart.y.log);
  for (const Reference& line : chart.references) {
    if (!line.vertical) range.add(line.value, chart.y.log);
  }
  return value_scale(chart.y, range, !chart.y.zoom || has_bars(chart), false, most_ticks);
}

BarPlace bar_place(const Chart& chart, std::size_t series) {
  double count = 0;
  double before = 0;
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    if (chart.series[i].kind != Kind::bars) continue;
    if (i < series) ++before;
    ++count;
  }
  const double width = 0.8 / std::max(count, 1.0);
  return {-0.4 + width * (before + 0.5), width};
}

}  // namespace treino::chart
