// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "treino/chart/palette.h"
#include "treino/chart/scale.h"
#include "treino/chart/text_parts.h"
#include "treino/chart/utf8.h"

namespace treino::chart {

namespace {

class Bars {
 public:
  Bars(const Chart& chart, const TextOptions& options) : chart_(chart), options_(options) {}

  std::string draw() {
    const bool side = sideways(chart_);
    const std::vector<std::string>& names = side ? chart_.y.categories : chart_.x.categories;
    std::size_t name_width = 0;
    std::size_t series_width = 0;
    double most = 0;
    for (const std::string& name : names) name_width = std::max(name_width, width(name));
    name_width = std::min<std::size_t>(name_width, static_cast<std::size_t>(options_.columns) / 3);
    for (const Series& series : chart_.series) {
      series_width = std::max(series_width, width(series.name));
      for (const double value : side ? series.x : series.y) {
        if (std::isfinite(value)) most = std::max(most, std::abs(value));
      }
    }
    series_width = std::min<std::size_t>(series_width, 16);
    const int beside = static_cast<int>(name_width + series_width) + (series_width > 0 ? 3 : 2);
    int room = options_.columns - beside - tail_width(true);
    intervals_ = room >= 6;
    if (!intervals_) room = std::max(options_.columns - beside - tail_width(false), 1);
    std::string out;
    for (std::size_t n = 0; n < names.size(); ++n) {
      bool first = true;
      for (std::size_t s = 0; s < chart_.series.size(); ++s) {
        const Series& series = chart_.series[s];
        const std::vector<double>& places = side ? series.y : series.x;
        for (std::size_t k = 0; k < places.size(); ++k) {
          if (std::round(places[k]) != static_cast<double>(n)) continue;
          out +=
              padded(first ? fit(names[n], name_width, options_.unicode) : "", name_width, false);
          if (series_width > 0) {
            out +=
                ' ' + padded(fit(series.name, series_width, options_.unicode), series_width, false);
          }
          out += ' ' + row(series, s, k, side ? series.x[k] : series.y[k], most, room) + '\n';
          first = false;
        }
      }
    }
    return out;
  }

 private:
  // Of the longest text after a bar.
  int tail_width(bool with_interval) const {
    std::size_t most = 7;  // "unknown"
    for (const Series& series : chart_.series) {
      const std::vector<double>& values = sideways(chart_) ? series.x : series.y;
      for (std::size_t k = 0; k < values.size(); ++k) {
        most = std::max(most, width(tail(series, k, values[k], with_interval)));
      }
    }
    return static_cast<int>(most);
  }

  std::string tail(const Series& series, std::size_t k, double value, bool with_interval) const {
    std::string out = value < 0 ? "(below 0) " : "";
    out += number(value, sideways(chart_) ? chart_.x.unit : chart_.y.unit);
    if (with_interval && k < series.low.size() && k < series.high.size() &&
        std::isfinite(series.low[k]) && std::isfinite(series.high[k])) {
      out += fmt::format(" [{}, {}]", number(series.low[k]), number(series.high[k]));
    }
    return out;
  }

  std::string row(const Series& series, std::size_t s, std::size_t k, double value, double most,
                  int room) const {
    if (!std::isfinite(value)) return "unknown";
    std::string out = colored(bar(value, most, room), kPlaceTable[place_of(series.place, s)].ansi,
                              options_.color);
    if (!out.empty()) out += ' ';
    out += tail(series, k, value, intervals_);
    return out;
  }

  std::string bar(double value, double most, int room) const {
    if (most <= 0) return "";
    const double eighths = std::abs(value) / most * room * 8;
    const int full = static_cast<int>(eighths) / 8;
    std::string out;
    if (!options_.unicode)
      return std::string(static_cast<std::size_t>(std::lround(eighths / 8)), '#');
    for (int i = 0; i < full; ++i) out += "█";
    static constexpr const char* kPart[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    return out + kPart[static_cast<int>(eighths) % 8];
  }

  const Chart& chart_;
  const TextOptions& options_;
  bool intervals_ = true;
};

}  // namespace

std::string text_bars(const Chart& chart, const TextOptions& options) {
  return Bars(chart, options).draw();
}

}  // namespace treino::chart
