// SPDX-License-Identifier: Apache-2.0
// Where the parts of a drawing stand. Pixels, y downwards.
#pragma once

#include <string>
#include <vector>

#include "treino/chart/chart.h"
#include "treino/chart/scale.h"

namespace treino::chart {

struct Label {
  double x = 0;
  double y = 0;
  std::string text;
};

struct LegendItem {
  std::size_t series = 0;
  double x = 0;
  double y = 0;  // the text's base line
  std::string text;
};

struct Frame {
  double width = 0;  // of the whole drawing
  double height = 0;
  double left = 0;  // of the plot
  double top = 0;
  double plot_width = 0;
  double plot_height = 0;
  Scale x;
  Scale y;
  std::vector<Tick> x_ticks;
  std::vector<Tick> y_ticks;
  std::vector<Label> title;  // its lines
  std::vector<LegendItem> legend;
  std::vector<Label> events;  // those that fit
  std::string x_label;
  std::string y_label;

  double px(double value) const { return left + x.place(value) * plot_width; }
  double py(double value) const { return top + (1 - y.place(value)) * plot_height; }
  bool inside(double value_x) const {
    return x.place(value_x) > -1e-6 && x.place(value_x) < 1 + 1e-6;
  }
};

Frame layout(const Chart& chart, double width, double height);

}  // namespace treino::chart
