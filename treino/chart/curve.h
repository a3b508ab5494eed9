// SPDX-License-Identifier: Apache-2.0
// The points of a curve made ready to draw: gaps become separate runs, and what would fall into one
// column of pixels is thinned without losing its extremes.
#pragma once

#include <vector>

#include "treino/chart/scale.h"

namespace treino::chart {

struct Point {
  double x = 0;  // 0 ... 1 along the axes
  double y = 0;
};
using Run = std::vector<Point>;

// Runs of known neighbours. At most first, least, greatest and last of each of `columns` columns
// are kept. A step series gets its corners.
std::vector<Run> runs(const Series& series, const std::vector<double>& values, const Scale& x,
                      const Scale& y, int columns);

}  // namespace treino::chart
