// SPDX-License-Identifier: Apache-2.0
#include "treino/chart/svg_drawing.h"

namespace treino::chart {

void Drawing::band(std::size_t i) {
  const Series& series = chart_.series[i];
  if ((series.kind != Kind::line && series.kind != Kind::step) || series.low.empty() ||
      series.high.empty()) {
    return;
  }
  // A gap on either edge is a gap of the band.
  std::vector<double> low = series.low;
  std::vector<double> high = series.high;
  for (std::size_t k = 0; k < std::min(low.size(), high.size()); ++k) {
    if (!frame_.y.holds(low[k]) || !frame_.y.holds(high[k])) low[k] = high[k] = kUnknown;
  }
  const int columns = static_cast<int>(frame_.plot_width);
  const std::vector<Run> under = runs(series, low, frame_.x, frame_.y, columns);
  const std::vector<Run> over = runs(series, high, frame_.x, frame_.y, columns);
  for (std::size_t k = 0; k < std::min(under.size(), over.size()); ++k) {
    Run outline = over[k];
    outline.insert(outline.end(), under[k].rbegin(), under[k].rend());
    put("<path class=\"f{0} s{0}\" fill=\"{1}\" fill-opacity=\".18\" stroke=\"{1}\" "
        "stroke-opacity=\".45\" stroke-width=\".6\" clip-path=\"url(#{2}-clip)\" d=\"{3}Z\"/>",
        place(i), kPlaceTable[place(i)].light, id_, path(outline));
  }
}

std::string Drawing::path(const Run& run) const {
  std::string out;
  for (std::size_t i = 0; i < run.size(); ++i) {
    fmt::format_to(std::back_inserter(out), "{}{:.1f} {:.1f}",
                   i == 0   ? "M"
                   : i == 1 ? "L"
                            : " ",
                   frame_.left + run[i].x * frame_.plot_width,
                   frame_.top + (1 - run[i].y) * frame_.plot_height);
  }
  return out;
}

void Drawing::line(std::size_t i) {
  const Series& series = chart_.series[i];
  if (series.kind != Kind::line && series.kind != Kind::step) return;
  const std::vector<Run> all =
      runs(series, series.y, frame_.x, frame_.y, static_cast<int>(frame_.plot_width));
  for (const Run& run : all) {
    if (run.size() == 1) {  // a lone value between gaps would not show as a line
      put("<path class=\"f{}\" fill=\"{}\" d=\"{}\"/>", place(i), kPlaceTable[place(i)].light,
          marker_path(place(i), frame_.left + run[0].x * frame_.plot_width,
                      frame_.top + (1 - run[0].y) * frame_.plot_height, 2.5));
      continue;
    }
    put("<path class=\"s{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\" "
        "stroke-linejoin=\"round\" stroke-dasharray=\"{}\" clip-path=\"url(#{}-clip)\" "
        "d=\"{}\"/>",
        place(i), kPlaceTable[place(i)].light,
        kPlaceTable[place(i)].dash[0] == '\0' ? "none" : kPlaceTable[place(i)].dash, id_,
        path(run));
  }
  markers(i, all);
}

// A few marks along a line; each series starts elsewhere so that they do not hide each other.
void Drawing::markers(std::size_t i, const std::vector<Run>& all) {
  if (chart_.series.size() < 2) return;
  const double step = 1.0 / 6;
  double next = step * (0.3 + 0.7 * static_cast<double>(i % 6) / 6.0);
  std::string shapes;
  for (const Run& run : all) {
    for (std::size_t k = 0; k < run.size(); ++k) {
      if (run[k].x < next || run[k].y < 0 || run[k].y > 1) continue;
      shapes += marker_path(place(i), frame_.left + run[k].x * frame_.plot_width,
                            frame_.top + (1 - run[k].y) * frame_.plot_height, 3.5);
      while (next <= run[k].x) next += step;
    }
  }
  if (!shapes.empty()) {
    put("<path class=\"f{}\" fill=\"{}\" d=\"{}\"/>", place(i), kPlaceTable[place(i)].light,
        shapes);
  }
}

// Invisible columns whose hovering tells the values of every line there.
void Drawing::hover_strips() {
  std::vector<double> centers;
  for (const Series& series : chart_.series) {
    if (series.kind != Kind::line && series.kind != Kind::step) continue;
    for (const double x : series.x) {
      if (frame_.x.holds(x) && frame_.inside(x)) centers.push_back(frame_.x.place(x));
    }
  }
  std::sort(centers.begin(), centers.end());
  centers.erase(
      std::unique(centers.begin(), centers.end(), [](double a, double b) { return b - a < 1e-9; }),
      centers.end());
  constexpr std::size_t kMost = 48;
  if (centers.size() > kMost) {
    centers.clear();
    for (std::size_t i = 0; i < kMost; ++i)
      centers.push_back((static_cast<double>(i) + 0.5) / kMost);
  }
  for (std::size_t i = 0; i < centers.size(); ++i) {
    const double from = i == 0 ? 0 : (centers[i - 1] + centers[i]) / 2;
    const double to = i + 1 == centers.size() ? 1 : (centers[i] + centers[i + 1]) / 2;
    const std::string told = values_between(from, to, centers[i]);
    if (told.empty()) continue;
    put("<path class=\"hit\" fill=\"transparent\" d=\"M{:.1f} "
        "{:.1f}h{:.1f}v{:.1f}h{:.1f}Z\"><title>{}</title></path>",
        frame_.left + from * frame_.plot_width, frame_.top, (to - from) * frame_.plot_width,
        frame_.plot_height, (from - to) * frame_.plot_width, escape(told));
  }
}

std::string Drawing::values_between(double from, double to, double center) const {
  std::string out;
  double at = kUnknown;
  for (const Series& series : chart_.series) {
    if (series.kind != Kind::line && series.kind != Kind::step) continue;
    std::size_t best = series.x.size();
    double distance = 1e300;
    for (std::size_t k = 0; k < std::min(series.x.size(), series.y.size()); ++k) {
      if (!frame_.x.holds(series.x[k])) continue;
      const double place_x = frame_.x.place(series.x[k]);
      if (place_x < from - 1e-9 || place_x > to + 1e-9) continue;
      if (std::abs(place_x - center) >= distance) continue;
      distance = std::abs(place_x - center);
      best = k;
    }
    if (best == series.x.size()) continue;
    if (std::isnan(at)) at = series.x[best];
    out += fmt::format(
        "\n{}{}", series.name.empty() ? "" : series.name + ": ",
        std::isfinite(series.y[best]) ? number(series.y[best], chart_.y.unit) : "unknown");
    if (best < series.low.size() && best < series.high.size() && std::isfinite(series.low[best]) &&
        std::isfinite(series.high[best])) {
      out += fmt::format(" ({} to {})", number(series.low[best]), number(series.high[best]));
    }
  }
  return out.empty() ? out : number(at, chart_.x.unit) + out;
}

}  // namespace treino::chart
