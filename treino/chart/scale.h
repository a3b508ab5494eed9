// SPDX-License-Identifier: Apache-2.0
// From values to places on an axis, and the ticks between its ends.
#pragma once

#include <string>
#include <vector>

#include "treino/chart/chart.h"

namespace treino::chart {

struct Scale {
  double low = 0;
  double high = 1;
  bool log = false;

  bool holds(double value) const;    // can be placed at all: known, below 1e100, positive where log
  double place(double value) const;  // 0 at low, 1 at high; may lie outside
};

struct Tick {
  double value = 0;
  std::string label;
};

// At most about `most` ticks inside the scale: steps of 1, 2 or 5 times a power of ten; on a log
// scale decades, with 2 and 5 between them where there is room.
std::vector<Tick> ticks(const Scale& scale, int most);

// The ranges of a chart's axes. Along values the ends are moved out to the next tick.
Scale x_scale(const Chart& chart, int most_ticks);
Scale y_scale(const Chart& chart, int most_ticks);

// True where the categories stand on the y axis and values run to the right.
bool sideways(const Chart& chart);

// How wide a bar is and where its middle lies, in units of the category axis: bars of several
// series stand beside each other.
struct BarPlace {
  double offset = 0;
  double width = 0.8;
};
BarPlace bar_place(const Chart& chart, std::size_t series);

}  // namespace treino::chart
