// SPDX-License-Identifier: Apache-2.0
// One chart being drawn: the parts from back to front. Every colour stands twice, as a CSS variable
// and as an attribute for programs that know no variables.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "treino/chart/curve.h"
#include "treino/chart/palette.h"
#include "treino/chart/svg_frame.h"

namespace treino::chart {

class Drawing {
 public:
  Drawing(const Chart& chart, const SvgOptions& options)
      : chart_(chart), id_(options.id), frame_(layout(chart, options.width, options.height)) {}

  const Frame& frame() const { return frame_; }
  std::string draw();

 private:
  template <typename... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }
  std::size_t place(std::size_t series) const {
    return place_of(chart_.series[series].place, series);
  }
  bool values_on_x() const { return sideways(chart_); }

  // In svg.cpp.
  void grid();
  void references();
  void events();
  void axes();
  void words();
  void legend(const LegendItem& item);

  // In svg_curves.cpp.
  void band(std::size_t i);
  std::string path(const Run& run) const;
  void line(std::size_t i);
  void markers(std::size_t i, const std::vector<Run>& all);
  void hover_strips();
  std::string values_between(double from, double to, double center) const;

  // In svg_points.cpp.
  void patterns();
  std::string note(const Series& series, std::size_t k) const;
  void bars(std::size_t i);
  void unknown_bar(double at);
  void interval(const Series& series, std::size_t k, double across, std::size_t i);
  void dots(std::size_t i);
  void labels(std::size_t i);

  const Chart& chart_;
  std::string id_;
  Frame frame_;
  std::string out_;
  struct Box {
    double left = 0;
    double right = 0;
    double y = 0;
  };
  std::vector<Box> taken_;  // by labels of dots
};

}  // namespace treino::chart
