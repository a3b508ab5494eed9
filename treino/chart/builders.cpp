// SPDX-License-Identifier: Apache-2.0
// Charts of a common form made from their numbers.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "treino/base/error.h"
#include "treino/chart/chart.h"

namespace treino::chart {

Chart bar_chart(std::string title, Axis values, std::vector<std::string> names,
                std::vector<double> value, std::vector<double> low, std::vector<double> high) {
  if (names.size() != value.size()) {
    throw Error::mistake(
        fmt::format("chart \"{}\": {} names for {} values", title, names.size(), value.size()));
  }
  Series bars{.kind = Kind::bars, .low = std::move(low), .high = std::move(high)};
  for (std::size_t i = 0; i < value.size(); ++i) bars.y.push_back(static_cast<double>(i));
  bars.x = std::move(value);
  Chart chart{.title = std::move(title), .x = std::move(values)};
  chart.y = {.categories = std::move(names)};
  chart.series.push_back(std::move(bars));
  return chart;
}

Chart roofline(std::string title, double peak_gflops, double bandwidth,
               std::span<const RooflinePoint> points) {
  if (!(peak_gflops > 0) || !(bandwidth > 0)) {
    throw Error::mistake(
        fmt::format("chart \"{}\": a roof needs a positive peak and bandwidth", title));
  }
  const double ridge = peak_gflops / bandwidth;  // FLOP a byte where the two roofs meet
  double low = ridge / 16;
  double high = ridge * 16;
  for (const RooflinePoint& point : points) {
    if (!(point.intensity > 0) || !std::isfinite(point.intensity)) continue;
    low = std::min(low, point.intensity / 2);
    high = std::max(high, point.intensity * 2);
  }
  Chart chart{
      .title = std::move(title),
      .x = {.label = "intensity", .unit = "FLOP/byte", .low = low, .high = high, .log = true},
      .y = {.label = "speed", .unit = "GFLOP/s", .log = true}};
  chart.series.push_back(
      {.name = fmt::format("roof: {} GFLOP/s, {} GB/s", number(peak_gflops), number(bandwidth)),
       .x = {low, ridge, high},
       .y = {low * bandwidth, peak_gflops, peak_gflops},
       .place = 0});
  Series dots{.kind = Kind::dots, .place = 1};
  for (const RooflinePoint& point : points) {
    const double roof = std::min(peak_gflops, bandwidth * point.intensity);
    dots.x.push_back(point.intensity);
    dots.y.push_back(point.gflops);
    dots.labels.push_back(point.name);
    dots.notes.push_back(fmt::format("{} % of the roof", number(100 * point.gflops / roof)));
  }
  chart.series.push_back(std::move(dots));
  return chart;
}

}  // namespace treino::chart
