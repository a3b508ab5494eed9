// SPDX-License-Identifier: Apache-2.0
#include "treino/chart/svg_drawing.h"
#include "treino/chart/utf8.h"

namespace treino::chart {

// Hatching over bars, so that they differ without colour.
void Drawing::patterns() {
  const bool any = std::any_of(chart_.series.begin(), chart_.series.end(),
                               [](const Series& s) { return s.kind == Kind::bars; });
  if (!any || chart_.series.size() < 2) return;
  put("<defs>");
  for (std::size_t i = 0; i < chart_.series.size(); ++i) {
    if (chart_.series[i].kind != Kind::bars || place(i) == 0) continue;
    const double step = 5 + static_cast<double>(place(i) % 3) * 2;
    const double angle = 45.0 * static_cast<double>(place(i));
    put("<pattern id=\"{}-p{}\" width=\"{}\" height=\"{}\" patternUnits=\"userSpaceOnUse\" "
        "patternTransform=\"rotate({})\"><path d=\"M0 0V{}\" stroke=\"#fff\" stroke-width=\"2\" "
        "stroke-opacity=\".75\"/></pattern>",
        id_, i, step, step, angle, step);
  }
  put("</defs>");
}

// What hovering over point k of a series says.
std::string Drawing::note(const Series& series, std::size_t k) const {
  const bool side = values_on_x();
  const Axis& value_axis = side ? chart_.x : chart_.y;
  const Axis& place_axis = side ? chart_.y : chart_.x;
  const double value = side ? series.x[k] : series.y[k];
  const double at = side ? series.y[k] : series.x[k];
  std::string out = series.name;
  const double nearest = std::round(at);
  const std::size_t names = place_axis.categories.size();
  std::string where;
  if (names == 0) {
    where = fmt::format("{} {}", place_axis.label, number(at, place_axis.unit));
  } else if (nearest >= 0 && nearest < static_cast<double>(names)) {
    where = place_axis.categories[static_cast<std::size_t>(nearest)];
  }
  if (!where.empty()) out += (out.empty() ? "" : ", ") + where;
  out += (out.empty() ? "" : ": ") + number(value, value_axis.unit);
  if (k < series.low.size() && k < series.high.size() && std::isfinite(series.low[k]) &&
      std::isfinite(series.high[k])) {
    out += fmt::format(" ({} to {})", number(series.low[k]), number(series.high[k]));
  }
  if (k < series.labels.size()) out = series.labels[k] + (out.empty() ? "" : ", ") + out;
  if (k < series.notes.size()) out += (out.empty() ? "" : ", ") + series.notes[k];
  return escape(out);
}

void Drawing::bars(std::size_t i) {
  const Series& series = chart_.series[i];
  if (series.kind != Kind::bars) return;
  const BarPlace bar = bar_place(chart_, i);
  const bool side = values_on_x();
  const Scale& scale = side ? frame_.x : frame_.y;
  for (std::size_t k = 0; k < std::min(series.x.size(), series.y.size()); ++k) {
    const double value = side ? series.x[k] : series.y[k];
    const double at = side ? series.y[k] : series.x[k];
    const double zero = scale.log ? scale.low : std::clamp(0.0, scale.low, scale.high);
    const double middle_value = at + bar.offset;
    if (!scale.holds(value)) {  // unknown is not zero: said in words
      unknown_bar(middle_value);
      continue;
    }
    double x = 0;
    double y = 0;
    double wide = 0;
    double high = 0;
    if (side) {
      const double unit = frame_.plot_height / static_cast<double>(chart_.y.categories.size());
      x = std::min(frame_.px(zero), frame_.px(value));
      wide = std::abs(frame_.px(value) - frame_.px(zero));
      high = bar.width * unit;
      y = frame_.py(middle_value) - high / 2;
    } else {
      const double unit = frame_.px(1) - frame_.px(0);
      wide = bar.width * (chart_.x.categories.empty() ? std::min(unit, 20.0) : unit);
      x = frame_.px(middle_value) - wide / 2;
      y = std::min(frame_.py(zero), frame_.py(value));
      high = std::abs(frame_.py(value) - frame_.py(zero));
    }
    const std::string shape =
        fmt::format("M{:.1f} {:.1f}h{:.1f}v{:.1f}h{:.1f}Z", x, y, wide, high, -wide);
    put("<path class=\"pt f{0}\" fill=\"{1}\" d=\"{2}\"><title>{3}</title></path>", place(i),
        kPlaceTable[place(i)].light, shape, note(series, k));
    if (chart_.series.size() > 1 && place(i) != 0) {
      put("<path fill=\"url(#{}-p{})\" pointer-events=\"none\" d=\"{}\"/>", id_, i, shape);
    }
    double end = value;
    interval(series, k, side ? frame_.py(middle_value) : frame_.px(middle_value), i);
    if (k < series.high.size() && scale.holds(series.high[k])) end = std::max(end, series.high[k]);
    if (side) {
      put("<text fill=\"#1b1b1b\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", frame_.px(end) + 5,
          frame_.py(middle_value) + 4, number(value));
    } else if (wide >= 24) {
      put("<text fill=\"#1b1b1b\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>",
          frame_.px(middle_value), frame_.py(end) - 4, number(value));
    }
  }
}

void Drawing::unknown_bar(double at) {
  const double x = values_on_x() ? frame_.left + 5 : frame_.px(at);
  const double y = values_on_x() ? frame_.py(at) + 4 : frame_.top + frame_.plot_height - 4;
  put("<text class=\"soft\" fill=\"#595959\" font-style=\"italic\" text-anchor=\"{}\" "
      "x=\"{:.1f}\" "
      "y=\"{:.1f}\">{}</text>",
      values_on_x() ? "start" : "middle", x, y, values_on_x() ? "unknown" : "?");
}

// low and high of a point as a line with ends; `across` is the pixel on the other axis.
void Drawing::interval(const Series& series, std::size_t k, double across, std::size_t i) {
  if (k >= series.low.size() || k >= series.high.size()) return;
  const bool side = values_on_x();
  const Scale& scale = side ? frame_.x : frame_.y;
  if (!scale.holds(series.low[k]) || !scale.holds(series.high[k])) return;
  const bool on_bar = series.kind == Kind::bars;
  put("<path class=\"{}\" stroke=\"{}\" stroke-width=\"1.5\" fill=\"none\" d=\"",
      on_bar ? "ref" : fmt::format("s{}", place(i)),
      on_bar ? "#1b1b1b" : kPlaceTable[place(i)].light);
  if (side) {
    const double a = frame_.px(series.low[k]);
    const double b = frame_.px(series.high[k]);
    put("M{0:.1f} {1:.1f}v8M{0:.1f} {2:.1f}H{3:.1f}M{3:.1f} {1:.1f}v8\"/>", a, across - 4, across,
        b);
  } else {
    const double a = frame_.py(series.low[k]);
    const double b = frame_.py(series.high[k]);
    put("M{0:.1f} {1:.1f}h8M{2:.1f} {1:.1f}V{3:.1f}M{0:.1f} {3:.1f}h8\"/>", across - 4, a, across,
        b);
  }
}

void Drawing::dots(std::size_t i) {
  const Series& series = chart_.series[i];
  if (series.kind != Kind::dots) return;
  for (std::size_t k = 0; k < std::min(series.x.size(), series.y.size()); ++k) {
    if (!frame_.x.holds(series.x[k]) || !frame_.y.holds(series.y[k])) continue;
    if (!frame_.inside(series.x[k])) continue;
    const double x = frame_.px(series.x[k]);
    const double y = frame_.py(series.y[k]);
    interval(series, k, values_on_x() ? y : x, i);
    put("<path class=\"pt f{0}\" fill=\"{1}\" fill-opacity=\".8\" "
        "d=\"{2}\"><title>{3}</title></path>",
        place(i), kPlaceTable[place(i)].light, marker_path(place(i), x, y, 4), note(series, k));
  }
}

// Words beside the dots, on the side where they stay inside, unless others stand there already.
void Drawing::labels(std::size_t i) {
  const Series& series = chart_.series[i];
  if (series.kind != Kind::dots) return;
  for (std::size_t k = 0; k < std::min(series.x.size(), series.labels.size()); ++k) {
    if (!frame_.x.holds(series.x[k]) || !frame_.y.holds(series.y[k])) continue;
    if (!frame_.inside(series.x[k])) continue;
    const double wide = static_cast<double>(width(series.labels[k])) * 6;
    const double y = frame_.py(series.y[k]) + 4;
    const double right = frame_.px(series.x[k]) + 8;
    const bool flip = right + wide > frame_.width;
    const double x = flip ? right - 16 - wide : right;
    const bool taken = std::any_of(taken_.begin(), taken_.end(), [&](const Box& box) {
      return std::abs(box.y - y) < 12 && x < box.right && box.left < x + wide;
    });
    if (taken || x < 0) continue;
    taken_.push_back({x, x + wide, y});
    put("<text fill=\"#1b1b1b\" font-size=\"11\" text-anchor=\"{}\" x=\"{:.1f}\" "
        "y=\"{:.1f}\">{}</text>",
        flip ? "end" : "start", flip ? right - 16 : right, y, escape(series.labels[k]));
  }
}

}  // namespace treino::chart
