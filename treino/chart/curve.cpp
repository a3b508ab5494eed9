// SPDX-License-Identifier: Apache-2.0
#include "treino/chart/curve.h"

#include <algorithm>
#include <cmath>

namespace treino::chart {

namespace {

Run thin(const Run& run, int columns) {
  if (run.size() <= static_cast<std::size_t>(columns) * 4) return run;
  Run out;
  std::size_t begin = 0;
  while (begin < run.size()) {
    const double column = std::floor(run[begin].x * columns);
    std::size_t end = begin + 1;
    std::size_t least = begin;
    std::size_t most = begin;
    while (end < run.size() && std::floor(run[end].x * columns) == column) {
      if (run[end].y < run[least].y) least = end;
      if (run[end].y > run[most].y) most = end;
      ++end;
    }
    std::size_t kept[] = {begin, std::min(least, most), std::max(least, most), end - 1};
    const auto last = std::unique(std::begin(kept), std::end(kept));
    for (auto i = std::begin(kept); i != last; ++i) out.push_back(run[*i]);
    begin = end;
  }
  return out;
}

}  // namespace

std::vector<Run> runs(const Series& series, const std::vector<double>& values, const Scale& x,
                      const Scale& y, int columns) {
  std::vector<Run> out;
  bool open = false;
  const std::size_t count = std::min(series.x.size(), values.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (!x.holds(series.x[i]) || !y.holds(values[i])) {
      open = false;
      continue;
    }
    if (!open) out.emplace_back();
    const Point point{x.place(series.x[i]), y.place(values[i])};
    if (open && series.kind == Kind::step) out.back().push_back({point.x, out.back().back().y});
    out.back().push_back(point);
    open = true;
  }
  for (Run& run : out) run = thin(run, columns);
  return out;
}

}  // namespace treino::chart
