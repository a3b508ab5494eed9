// SPDX-License-Identifier: Apache-2.0
#include "treino/chart/svg_frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "treino/chart/text_parts.h"
#include "treino/chart/utf8.h"

namespace treino::chart {

namespace {

constexpr double kPad = 10;
constexpr double kLine = 16;     // of a line of text
constexpr double kLetter = 6.3;  // mean width of a letter at 12 pixels
constexpr double kTitleLetter = 7.6;

std::vector<std::string> wrap(const std::string& text, std::size_t columns) {
  std::vector<std::string> lines;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (lines.empty() || width(lines.back()) + 1 + width(word) > columns) {
      lines.push_back(fit(word, columns));
    } else {
      lines.back() += ' ' + word;
    }
  }
  return lines;
}

// Ticks of an axis with names: each, or every n-th where they would not fit.
std::vector<Tick> name_ticks(const Axis& axis, double room, bool stacked) {
  std::vector<Tick> out;
  const double count = static_cast<double>(axis.categories.size());
  const std::size_t letters_each =
      stacked ? static_cast<std::size_t>(room / kLetter)
              : std::max<std::size_t>(static_cast<std::size_t>(room / count / kLetter), 2);
  for (std::size_t i = 0; i < axis.categories.size(); ++i) {
    out.push_back({static_cast<double>(i), fit(axis.categories[i], letters_each)});
  }
  return out;
}

double widest(const std::vector<Tick>& all) {
  std::size_t most = 0;
  for (const Tick& tick : all) most = std::max(most, width(tick.label));
  return static_cast<double>(most) * kLetter;
}

void place_legend(const Chart& chart, Frame& frame, double& y) {
  double x = kPad;
  bool any = false;
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const std::string& name = chart.series[i].name;
    if (name.empty()) continue;
    const auto room = static_cast<std::size_t>((frame.width - 2 * kPad - 34) / kLetter);
    const std::string shown = fit(name, std::max<std::size_t>(room, 4));
    const double item = 30 + static_cast<double>(width(shown)) * kLetter + 14;
    if (any && x + item > frame.width - kPad + 14) {
      x = kPad;
      y += kLine + 2;
    }
    if (!any) y += kLine + 2;
    any = true;
    frame.legend.push_back({i, x, y, shown});
    x += item;
  }
  if (any) y += 4;
}

// Labels over their marks, on the first of two rows where they meet no other.
void place_events(const Chart& chart, Frame& frame, double first_row) {
  std::vector<double> free{kPad, kPad};
  std::vector<EventMark> sorted = chart.events;
  std::sort(sorted.begin(), sorted.end(), [](const EventMark& a, const EventMark& b) {
    return a.x != b.x ? a.x < b.x : a.label < b.label;
  });
  for (const EventMark& event : sorted) {
    if (!frame.x.holds(event.x) || !frame.inside(event.x)) continue;
    const double wide = static_cast<double>(width(event.label)) * kLetter;
    const double x =
        std::clamp(frame.px(event.x) - wide / 2, kPad, std::max(frame.width - kPad - wide, kPad));
    for (std::size_t row = 0; row < free.size(); ++row) {
      if (x < free[row] || x + wide > frame.width) continue;
      frame.events.push_back({x, first_row + kLine * static_cast<double>(row), event.label});
      free[row] = x + wide + kLetter;
      break;
    }
  }
}

double default_plot_height(const Chart& chart, double plot_width) {
  if (sideways(chart)) {
    double bars = 0;
    for (const Series& series : chart.series) bars += series.kind == Kind::bars ? 1 : 0;
    return static_cast<double>(chart.y.categories.size()) * std::max(26.0, 18 * bars + 8) + 6;
  }
  return std::clamp(plot_width * 0.38, 150.0, 320.0);
}

}  // namespace

Frame layout(const Chart& chart, double width_all, double height) {
  Frame frame{.width = std::max(width_all, 160.0)};
  double y = kPad;
  for (const std::string& line :
       wrap(chart.title, static_cast<std::size_t>((frame.width - 2 * kPad) / kTitleLetter))) {
    y += kLine;
    frame.title.push_back({kPad, y, line});
  }
  place_legend(chart, frame, y);
  frame.x_label = axis_name(chart.x);
  frame.y_label = axis_name(chart.y);
  if (!frame.y_label.empty()) y += kLine;
  const double event_row = y + kLine;
  if (!chart.events.empty()) y += 2 * kLine;
  frame.top = y + kPad;

  const bool side = sideways(chart);
  const double below = kLine + 4 + (frame.x_label.empty() ? 4 : kLine + 2);
  // The left margin depends on the y labels, whose number depends on the height.
  const double guess =
      height > 0 ? height - frame.top - below : default_plot_height(chart, frame.width - 60);
  frame.plot_height = std::max(guess, 40.0);
  const int y_most = std::clamp(static_cast<int>(frame.plot_height / 36), 2, 8);
  frame.y = y_scale(chart, y_most);
  frame.y_ticks = side ? name_ticks(chart.y, frame.width * 0.36, true) : ticks(frame.y, y_most);
  frame.left = kPad + widest(frame.y_ticks) + 8;
  frame.plot_width = std::max(frame.width - frame.left - (side ? 58 : 18), 60.0);
  const int x_most = std::clamp(static_cast<int>(frame.plot_width / 64), 3, 10);
  frame.x = x_scale(chart, x_most);
  frame.x_ticks = chart.x.categories.empty() ? ticks(frame.x, x_most)
                                             : name_ticks(chart.x, frame.plot_width, false);
  frame.height = frame.top + frame.plot_height + below;
  place_events(chart, frame, event_row);
  return frame;
}

}  // namespace treino::chart
