// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "treino/chart/canvas.h"
#include "treino/chart/curve.h"
#include "treino/chart/palette.h"
#include "treino/chart/text_parts.h"
#include "treino/chart/utf8.h"

namespace treino::chart {

namespace {

class Plot {
 public:
  Plot(const Chart& chart, const TextOptions& options)
      : chart_(chart),
        options_(options),
        rows_(std::max(options.rows - 4, 4)),
        y_(y_scale(chart, std::max(rows_ / 3, 2))) {
    if (sideways(chart)) {
      for (std::size_t i = 0; i < chart.y.categories.size(); ++i) {
        y_ticks_.push_back({static_cast<double>(i), chart.y.categories[i]});
      }
      rows_ = std::max(static_cast<int>(y_ticks_.size()), 1);
    } else {
      y_ticks_ = ticks(y_, std::max(rows_ / 3, 2));
    }
    for (Tick& tick : y_ticks_) {
      tick.label = fit(tick.label, static_cast<std::size_t>(options.columns) / 3, options.unicode);
      left_ = std::max(left_, width(tick.label));
    }
    columns_ = std::max(options.columns - static_cast<int>(left_) - 2, 8);
    x_ = x_scale(chart, std::max(columns_ / 10, 2));
  }

  std::string draw() {
    Canvas canvas(columns_, rows_);
    for (std::size_t i = 0; i < chart_.series.size(); ++i) edges(canvas, i);
    for (std::size_t i = 0; i < chart_.series.size(); ++i) interval(canvas, i);
    for (std::size_t i = 0; i < chart_.series.size(); ++i) curve(canvas, i);
    for (std::size_t i = 0; i < chart_.series.size(); ++i) labels(canvas, i);
    marks(canvas);
    std::string out = event_row();
    const char* side = options_.unicode ? "│" : "|";
    const char* tick_side = options_.unicode ? "┤" : "+";
    for (int row = 0; row < rows_; ++row) {
      const std::string* label = nullptr;
      for (const Tick& tick : y_ticks_) {
        if (row_of(tick.value) == row) label = &tick.label;
      }
      out += padded(label == nullptr ? "" : *label, left_, true) +
             (label == nullptr ? side : tick_side);
      std::string line;
      for (int column = 0; column < columns_; ++column) {
        const Canvas::Cell cell = canvas.cell(column, row, options_.unicode);
        line += colored(cell.text, cell.color, options_.color);
      }
      while (!line.empty() && line.back() == ' ') line.pop_back();
      out += line + '\n';
    }
    return out + x_axis() + legend();
  }

 private:
  int color(std::size_t i) const { return kPlaceTable[place_of(chart_.series[i].place, i)].ansi; }
  int row_of(double value) const {
    return std::clamp(static_cast<int>((1 - y_.place(value)) * rows_), 0, rows_ - 1);
  }
  int column_of(double value) const {
    return std::clamp(static_cast<int>(x_.place(value) * columns_), 0, columns_ - 1);
  }

  // Every other dot, so that a band's edges are not taken for lines.
  void edges(Canvas& canvas, std::size_t i) const {
    const Series& series = chart_.series[i];
    if (series.kind != Kind::line && series.kind != Kind::step) return;
    for (const std::vector<double>* edge : {&series.low, &series.high}) {
      if (edge->empty()) continue;
      for (const Run& run : runs(series, *edge, x_, y_, canvas.width())) {
        for (std::size_t k = 0; k < run.size(); ++k) {
          const int x = static_cast<int>(run[k].x * (canvas.width() - 1));
          if (x % 3 == 0)
            canvas.dot(x, static_cast<int>((1 - run[k].y) * (canvas.height() - 1)), color(i));
        }
      }
    }
  }

  void curve(Canvas& canvas, std::size_t i) const {
    const Series& series = chart_.series[i];
    const char* letter = kPlaceTable[place_of(series.place, i)].letter;
    const double right = canvas.width() - 1;
    const double bottom = canvas.height() - 1;
    for (const Run& run : runs(series, series.y, x_, y_, canvas.width())) {
      int last_letter = -100;
      for (std::size_t k = 0; k < run.size(); ++k) {
        const Point& from = run[k == 0 ? 0 : k - 1];
        const Point& to = run[k];
        if (to.x < 0 || to.x > 1) continue;
        if (series.kind == Kind::dots) {
          mark(canvas, i, to);
          continue;
        }
        canvas.line(from.x * right + 0.5, (1 - from.y) * bottom + 0.5, to.x * right + 0.5,
                    (1 - to.y) * bottom + 0.5, color(i));
        // Without colour, letters along the line tell the series apart.
        const int column = static_cast<int>(to.x * right) / 2;
        const int gap = std::max(columns_ / 4, 8);
        if (chart_.series.size() > 1 && column - last_letter >= gap &&
            column % gap >= static_cast<int>(i) * 2 % gap) {
          canvas.letter(column, static_cast<int>((1 - to.y) * bottom) / 4, letter, color(i));
          last_letter = column;
        }
      }
    }
  }

  void mark(Canvas& canvas, std::size_t i, const Point& point) const {
    const int column = std::clamp(static_cast<int>(point.x * columns_), 0, columns_ - 1);
    const int row = std::clamp(static_cast<int>((1 - point.y) * rows_), 0, rows_ - 1);
    canvas.letter(column, row, kPlaceTable[place_of(chart_.series[i].place, i)].letter, color(i));
  }

  // low and high of dots, as a line through them.
  void interval(Canvas& canvas, std::size_t i) const {
    const Series& series = chart_.series[i];
    if (series.kind != Kind::dots) return;
    const bool side = sideways(chart_);
    const Scale& scale = side ? x_ : y_;
    for (std::size_t k = 0; k < std::min(series.low.size(), series.high.size()); ++k) {
      if (k >= series.x.size() || !x_.holds(series.x[k]) || !y_.holds(series.y[k])) continue;
      if (!scale.holds(series.low[k]) || !scale.holds(series.high[k])) continue;
      const int row = row_of(side ? series.y[k] : series.low[k]);
      const int column = column_of(side ? series.low[k] : series.x[k]);
      if (side) {
        for (int c = column; c <= column_of(series.high[k]); ++c) {
          canvas.letter(c, row, options_.unicode ? "─" : "-", color(i));
        }
      } else {
        for (int r = row_of(series.high[k]); r <= row; ++r) {
          canvas.letter(column, r, options_.unicode ? "│" : "|", color(i));
        }
      }
    }
  }

  // Words beside dots, where nothing else stands.
  void labels(Canvas& canvas, std::size_t i) const {
    const Series& series = chart_.series[i];
    if (series.kind != Kind::dots) return;
    for (std::size_t k = 0; k < std::min(series.x.size(), series.labels.size()); ++k) {
      if (!x_.holds(series.x[k]) || !y_.holds(series.y[k])) continue;
      const int row = row_of(series.y[k]);
      const std::vector<std::string> word = letters(series.labels[k]);
      const int wide = static_cast<int>(word.size());
      int column = column_of(series.x[k]) + 2;
      if (column + wide > columns_) column -= wide + 3;
      bool free = column >= 0;
      for (int c = column; free && c < column + wide; ++c) free = canvas.empty(c, row);
      for (int c = 0; free && c < wide; ++c) {
        canvas.letter(column + c, row, word[static_cast<std::size_t>(c)], -1);
      }
    }
  }

  // Events and reference lines, only where nothing else stands.
  void marks(Canvas& canvas) const {
    const char* down = options_.unicode ? "╎" : "|";
    const char* across = options_.unicode ? "┄" : "-";
    const auto column = [&](double value) {
      if (!x_.holds(value) || x_.place(value) < 0 || x_.place(value) > 1) return;
      for (int row = 0; row < rows_; ++row) {
        if (canvas.empty(column_of(value), row)) canvas.letter(column_of(value), row, down, -1);
      }
    };
    for (const EventMark& event : chart_.events) column(event.x);
    for (const Reference& line : chart_.references) {
      if (line.vertical) {
        column(line.value);
      } else if (y_.holds(line.value) && y_.place(line.value) >= 0 && y_.place(line.value) <= 1) {
        for (int i = 0; i < columns_; ++i) {
          if (canvas.empty(i, row_of(line.value))) canvas.letter(i, row_of(line.value), across, -1);
        }
      }
    }
  }

  std::string event_row() const {
    if (chart_.events.empty()) return "";
    std::string out(left_ + 1, ' ');
    int used = 0;
    for (const EventMark& event : chart_.events) {
      if (!x_.holds(event.x) || x_.place(event.x) < 0 || x_.place(event.x) > 1) continue;
      const int column = column_of(event.x);
      const std::string label =
          (options_.unicode ? "▾" : "|") + fit(event.label, 24, options_.unicode);
      if (column < used || column + static_cast<int>(width(label)) > columns_) continue;
      out += std::string(static_cast<std::size_t>(column - used), ' ') + label + ' ';
      used = column + static_cast<int>(width(label)) + 1;
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    return out + '\n';
  }

  std::string x_axis() const {
    std::vector<Tick> marks = ticks(x_, std::max(columns_ / 10, 2));
    if (!chart_.x.categories.empty()) {
      marks.clear();
      const std::size_t room =
          std::max<std::size_t>(static_cast<std::size_t>(columns_) / chart_.x.categories.size(), 2);
      for (std::size_t i = 0; i < chart_.x.categories.size(); ++i) {
        marks.push_back(
            {static_cast<double>(i), fit(chart_.x.categories[i], room - 1, options_.unicode)});
      }
    }
    std::string rule(left_, ' ');
    rule += options_.unicode ? "└" : "+";
    std::string labels(left_ + 1, ' ');
    int used = 0;
    std::vector<bool> here(static_cast<std::size_t>(columns_), false);
    for (const Tick& tick : marks) {
      const int column = column_of(tick.value);
      here[static_cast<std::size_t>(column)] = true;
      const int wide = static_cast<int>(width(tick.label));
      const int start = std::clamp(column - wide / 2, 0, std::max(columns_ - wide, 0));
      if (start < used) continue;
      labels += std::string(static_cast<std::size_t>(start - used), ' ') + tick.label + ' ';
      used = start + wide + 1;
    }
    for (const bool tick : here) {
      rule += options_.unicode ? (tick ? "┬" : "─") : (tick ? "+" : "-");
    }
    while (!labels.empty() && labels.back() == ' ') labels.pop_back();
    std::string out = rule + '\n' + labels + '\n';
    if (const std::string name = axis_name(chart_.x); !name.empty()) {
      const std::size_t room = left_ + 1 + static_cast<std::size_t>(columns_);
      const std::string shown = fit(name, room, options_.unicode);
      out +=
          padded(shown, left_ + 1 + (static_cast<std::size_t>(columns_) + width(shown)) / 2, true) +
          '\n';
    }
    return out;
  }

  std::string legend() const {
    std::string out;
    std::size_t used = 0;
    const bool several = chart_.series.size() > 1;
    for (std::size_t i = 0; i < chart_.series.size(); ++i) {
      const Series& series = chart_.series[i];
      if (series.name.empty()) continue;
      const char* letter = kPlaceTable[place_of(series.place, i)].letter;
      const char* dash = options_.unicode ? "──" : "--";
      std::string sign = series.kind == Kind::dots ? letter
                         : several                 ? std::string(dash) + letter
                                                   : dash;
      const std::string name =
          fit(series.name, static_cast<std::size_t>(options_.columns) - 6, options_.unicode);
      const std::size_t wide = width(sign) + 1 + width(name);
      if (used > 0 && used + 3 + wide > static_cast<std::size_t>(options_.columns)) {
        out += '\n';
        used = 0;
      }
      if (used > 0) out += "   ";
      out += colored(sign, color(i), options_.color) + ' ' + name;
      used += wide + 3;
    }
    return out.empty() ? out : out + '\n';
  }

  const Chart& chart_;
  const TextOptions& options_;
  int rows_;
  int columns_ = 0;
  std::size_t left_ = 0;
  Scale x_;
  Scale y_;
  std::vector<Tick> y_ticks_;
};

}  // namespace

std::string text_plot(const Chart& chart, const TextOptions& options) {
  return Plot(chart, options).draw();
}

}  // namespace treino::chart
