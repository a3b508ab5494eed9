// SPDX-License-Identifier: Apache-2.0
// Charts as data. Fill a Chart, then ask for it as SVG or as terminal text: pure functions both.
//
//   Chart chart{.title = "CPU", .x = {.label = "since train start", .unit = "s"},
//               .y = {.label = "CPU", .unit = "cores"}};
//   chart.series.push_back({.name = "treino", .x = t, .y = median, .low = p10, .high = p90});
//   chart.series.push_back({.kind = Kind::dots, .name = "keras", .x = {...}, .y = {...}});
//   chart.events.push_back({12.5, "epoch 2"});
//
// - svg(chart): one image that opens alone and prints in black and white.
// - figure(chart, "cpu"): for a page, a wide and a narrow drawing; page_style() is the CSS that
//   shows the right one, once a page.
// - text(chart, terminal_text(2)): for a terminal; text(chart) for a file.
//
// A number that is not known is NaN and leaves a gap; it is never drawn as 0. Colours, dashes and
// markers follow a series' place in the chart, or `place` where charts of one page must agree.
#pragma once

#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace treino::chart {

enum class Kind {
  line,  // x, y, and a band where low and high are given
  step,  // a line that keeps its value until the next x
  dots,  // one mark a point; low and high draw an interval through it
  bars,  // from zero; low and high draw an interval at the end
};

struct Series {
  Kind kind = Kind::line;
  std::string name;  // in the legend; empty: not there
  std::vector<double> x;
  std::vector<double> y;
  std::vector<double> low;  // empty, or as long as y
  std::vector<double> high;
  std::vector<std::string> notes;   // empty, or what hovering over each point says beside its value
  std::vector<std::string> labels;  // empty, or words beside each dot, where there is room
  int place = -1;                   // of colour, dash and marker; -1: place in Chart::series
};

struct Axis {
  std::string label;
  std::string unit;
  std::optional<double> low;  // fixed end of the range; otherwise it follows the data
  std::optional<double> high;
  bool log = false;        // values that are not positive are left out
  bool from_zero = false;  // the range holds 0 (y without log and bars always do, unless `zoom`)
  bool zoom = false;       // y: the range follows the data
  // Names for the values 0, 1, 2 ...; for dots and bars. On y the chart lies on its side: the first
  // name is on top, values run to the right and low/high are in x's direction. There x holds the
  // values and y the places.
  std::vector<std::string> categories;
};

// A moment on the x axis, drawn over the whole height. Labels that do not fit are left to hovering.
struct EventMark {
  double x = 0;
  std::string label;
};

// A straight reference line, drawn from end to end, e.g. ratio 1 or the machine's peak.
struct Reference {
  double value = 0;
  std::string label;
  bool vertical = false;
};

struct Chart {
  std::string title;
  std::string
      description;  // for who cannot see it, before the summary that is made from the numbers
  Axis x;
  Axis y;
  std::vector<Series> series;
  std::vector<EventMark> events;
  std::vector<Reference> references;
};

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

// The bars of one measurement: a name and a value each, with intervals where low and high are
// given.
Chart bar_chart(std::string title, Axis values, std::vector<std::string> names,
                std::vector<double> value, std::vector<double> low = {},
                std::vector<double> high = {});

// A kernel or layer under the machine's roof.
struct RooflinePoint {
  std::string name;
  double intensity = 0;  // FLOP a byte
  double gflops = 0;
};
// Log-log, the roof being min(peak, bandwidth * intensity). `bandwidth` in GB/s.
// Source: Williams, Waterman, Patterson, "Roofline", CACM 52(4), 2009.
Chart roofline(std::string title, double peak_gflops, double bandwidth,
               std::span<const RooflinePoint> points);

struct SvgOptions {
  double width = 720;    // pixels; text stays 12 pixels high, so draw small for small screens
  double height = 0;     // 0: chosen from the width and what is drawn
  std::string id = "c";  // starts every id, so that a page may hold many charts
  bool style = true;     // with its own <style>; false where page_style() is in the page
};

std::string svg(const Chart& chart, const SvgOptions& options = {});
// Several under each other in one image (width and style of `options`).
std::string svg(std::span<const Chart> charts, const SvgOptions& options = {});

// <figure> with a drawing for wide and one for narrow windows. `id` must be unique in the page.
std::string figure(const Chart& chart, const std::string& id);
// CSS for figures: colours as variables (--ink, --paper, --grid, --s0 ... --s7), light and dark.
std::string page_style();

struct TextOptions {
  int columns = 72;
  int rows = 16;  // of the whole chart without legend; bars take a row each
  bool color = false;
  bool unicode = true;  // false: ASCII only
};

std::string text(const Chart& chart, const TextOptions& options = {});

// What suits the terminal behind a descriptor: its width, colour unless NO_COLOR is set or TERM is
// dumb, Unicode where the locale has it. Not a terminal: 72 columns without colour.
TextOptions terminal_text(int descriptor);

// What a screen reader hears: kind, axes, and least, greatest and last value of each series.
std::string summary(const Chart& chart);

// Four digits that matter, without needless zeros: "0.1234", "1562", "-"  for an unknown.
std::string number(double value);
// "1562 MiB", "98 %"; the number alone without a unit.
std::string number(double value, std::string_view unit);

}  // namespace treino::chart
