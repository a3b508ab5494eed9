// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/live_frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "treino/chart/canvas.h"
#include "treino/chart/chart.h"
#include "treino/chart/scale.h"
#include "treino/chart/utf8.h"

namespace treino::monitor {

namespace {

constexpr int kDim = 90;
constexpr int kEventColor = 93;

struct Graph {
  const char* title;
  const char* column;
  const char* unit;
  int color;
  double least_top;  // the axis reaches at least so far
};
constexpr Graph kGraphs[] = {
    {"CPU", "cpu_cores", "cores", 36, 1},
    {"Memory RSS", "rss_mib", "MiB", 32, 16},
    {"GPU", "gpu_util_pct", "%", 35, 100},
    {"VRAM", "gpu_mem_mib", "MiB", 33, 16},
};

struct Box {
  int left, top, columns, rows;
};

class Frame {
 public:
  Frame(const LiveState& state, int columns, int rows, bool unicode)
      : state_(state), history_(*state.history), unicode_(unicode), grid_(columns, rows) {}

  LiveGrid draw() {
    const int columns = grid_.columns();
    const int rows = grid_.rows();
    if (columns < 30 || rows < 8) {
      grid_.write(0, 0, "too small", kEventColor);
      return std::move(grid_);
    }
    head();
    const int body = rows - 2;  // without head and help
    const bool wide = columns >= 76;
    const std::vector<const Graph*> graphs = graphs_here();
    const int lines = static_cast<int>((graphs.size() + (wide ? 1 : 0)) / (wide ? 2 : 1));
    // Graphs get up to two thirds; the processes keep four rows at least where they can.
    const int room = std::max(std::min(body * 2 / 3, body - 4), std::min(body, 3));
    const int shown = std::max(1, std::min(lines, room / 3));
    const int high = std::clamp(room / shown, 3, 14);
    std::size_t next = 0;
    for (int line = 0; line < shown; ++line) {
      const int top = 1 + line * high;
      if (wide) {
        const int half = columns / 2;
        const bool alone = next + 1 >= graphs.size();
        graph(*graphs[next++], {0, top, alone ? columns : half - 1, high});
        if (!alone) graph(*graphs[next++], {half, top, columns - half, high});
      } else if (next < graphs.size()) {
        graph(*graphs[next++], {0, top, columns, high});
      }
    }
    const int below = 1 + shown * high;
    if (below < rows - 1) lower({0, below, columns, rows - 1 - below}, wide);
    grid_.write(0, rows - 1, chart::fit(state_.help, static_cast<std::size_t>(columns), unicode_),
                kDim);
    return std::move(grid_);
  }

 private:
  void head() {
    const int columns = grid_.columns();
    std::string right = fmt::format(" {} {:.0f} s", state_.state, state_.t);
    const auto count = [&](const char* column, const char* name) {
      const History::Track* track = history_.track(column);
      if (track != nullptr && track->known && !std::isnan(track->newest)) {
        const char* plural = track->newest == 1                      ? ""
                             : std::string_view(name).ends_with('s') ? "es"
                                                                     : "s";
        right = fmt::format(" {:.0f} {}{}{}", track->newest, name, plural, right);
      }
    };
    if (columns >= 60) {
      count("threads", "thread");
      count("processes", "process");
    }
    const int room = std::max(columns - static_cast<int>(chart::width(right)), 8);
    for (int i = 0; i < columns; ++i) grid_.at(i, 0).inverse = true;
    grid_.write(
        0, 0, chart::fit(" " + history_.header().target, static_cast<std::size_t>(room), unicode_),
        -1, true);
    grid_.write(room, 0, right);
  }

  // A resource of which nothing was ever known takes one line elsewhere, no graph.
  std::vector<const Graph*> graphs_here() const {
    std::vector<const Graph*> out;
    for (const Graph& graph : kGraphs) {
      const History::Track* track = history_.track(graph.column);
      const bool gpu = std::string_view(graph.column).starts_with("gpu");
      if (track != nullptr && (track->known || !gpu)) out.push_back(&graph);
    }
    return out;
  }

  double first_second() const {
    return state_.seconds > 0 ? std::max(history_.end() - state_.seconds, 0.0) : 0.0;
  }

  void graph(const Graph& graph, const Box& box) {
    const History::Track& track = *history_.track(graph.column);
    const std::vector<double>& times = history_.times();
    const double from = first_second();
    const double to = std::max(history_.end(), from + 1);
    double top = graph.least_top;
    for (std::size_t i = 0; i < times.size(); ++i) {
      if (times[i] >= from && !std::isnan(track.high[i])) top = std::max(top, track.high[i]);
    }
    chart::Chart axis;
    axis.series.push_back({.x = {0}, .y = {top}});
    const chart::Scale scale = chart::y_scale(axis, std::max((box.rows - 1) / 2, 1));

    std::string title = fmt::format("{} {}", graph.title, chart::number(track.newest, graph.unit));
    if (!track.known)
      title = fmt::format("{} unknown: {}", graph.title, track.why);
    else
      title += fmt::format("  peak {}", chart::number(track.peak));
    if (std::string_view(graph.column) == "gpu_util_pct") {
      const std::string status = history_.status("gpu_status");
      if (status != "ok" && !status.empty()) title += "  " + status;
    }
    grid_.write(box.left, box.top,
                chart::fit(title, static_cast<std::size_t>(box.columns), unicode_), graph.color,
                true);

    const std::string high_label = chart::number(scale.high);
    const int margin = static_cast<int>(std::max<std::size_t>(chart::width(high_label), 3)) + 1;
    const int plot_columns = box.columns - margin - 1;
    const int plot_rows = box.rows - 1;
    if (plot_columns < 4 || plot_rows < 1) return;
    chart::Canvas canvas(plot_columns, plot_rows);
    bars(canvas, track, graph.color, from, to, scale);
    grid_.write(box.left, box.top + 1, high_label, kDim);
    if (plot_rows > 1) grid_.write(box.left, box.top + plot_rows, "0", kDim);
    for (int row = 0; row < plot_rows; ++row) {
      grid_.write(box.left + margin - 1, box.top + 1 + row, unicode_ ? "│" : "|", kDim);
      for (int column = 0; column < plot_columns; ++column) {
        const chart::Canvas::Cell cell = canvas.cell(column, row, unicode_);
        if (cell.color >= 0) {
          grid_.write(box.left + margin + column, box.top + 1 + row, cell.text, cell.color);
        }
      }
    }
    for (const History::Moment& event : history_.events()) {
      if (event.t < from) continue;
      const int column = std::min(static_cast<int>((event.t - from) / (to - from) * plot_columns),
                                  plot_columns - 1);
      for (int row = 0; row < plot_rows; ++row) {
        LiveCell& cell = grid_.at(box.left + margin + column, box.top + 1 + row);
        if (cell.text == " ") cell = {unicode_ ? "╎" : ":", kEventColor, false, false};
      }
    }
  }

  // Columns of dots from zero: the mean solid, what joined rows reached above it as a single dot. A
  // column between two readings that are close (a slow pace) keeps the value before it.
  static void bars(chart::Canvas& canvas, const History::Track& track, int color, double from,
                   double to, const chart::Scale& scale, const std::vector<double>& times) {
    const double bottom = canvas.height() - 1;
    int last = -1;
    double last_value = chart::kUnknown;
    for (std::size_t i = 0; i < times.size(); ++i) {
      if (times[i] < from || std::isnan(track.mean[i])) continue;
      const int x = std::min(static_cast<int>((times[i] - from) / (to - from) * canvas.width()),
                             canvas.width() - 1);
      const auto dot = [&](double value) {
        return static_cast<int>(
            std::lround((1 - std::clamp(scale.place(value), 0.0, 1.0)) * bottom));
      };
      const int gap = std::max(canvas.width() / 16, 4);
      if (last >= 0 && x - last <= gap) {
        for (int k = last + 1; k < x; ++k) canvas.column(k, dot(last_value), color);
      }
      canvas.column(x, dot(track.mean[i]), color);
      canvas.dot(x, dot(track.high[i]), color);
      last = x;
      last_value = track.mean[i];
    }
  }
  void bars(chart::Canvas& canvas, const History::Track& track, int color, double from, double to,
            const chart::Scale& scale) const {
    bars(canvas, track, color, from, to, scale, history_.times());
  }

  void lower(Box box, bool wide) {
    if (const History::Track* gpu = history_.track("gpu_util_pct"); gpu != nullptr && !gpu->known) {
      const std::string line = fmt::format("GPU {}", gpu->why);
      grid_.write(box.left, box.top,
                  chart::fit(line, static_cast<std::size_t>(box.columns), unicode_), kDim);
      ++box.top;
      --box.rows;
    }
    if (box.rows < 1) return;
    const bool has_right = !history_.events().empty() || !state_.output.empty();
    const int left = wide && has_right ? box.columns * 3 / 5 : box.columns;
    processes({box.left, box.top, wide && has_right ? left - 1 : left, box.rows});
    if (wide && has_right) news({left, box.top, box.columns - left, box.rows});
  }

  void processes(const Box& box) {
    grid_.write(box.left, box.top, "    PID    CPU      RSS  process", -1, true,
                box.left + box.columns);
    std::vector<std::size_t> order(state_.processes.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (state_.processes_by_cpu) {
      std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        const double x = state_.processes[a].cpu_cores;
        const double y = state_.processes[b].cpu_cores;
        return (std::isnan(x) ? -1 : x) != (std::isnan(y) ? -1 : y)
                   ? (std::isnan(x) ? -1 : x) > (std::isnan(y) ? -1 : y)
                   : a < b;
      });
    }
    const std::size_t first =
        std::min<std::size_t>(static_cast<std::size_t>(std::max(state_.first_process, 0)),
                              order.empty() ? 0 : order.size() - 1);
    for (int row = 1; row < box.rows; ++row) {
      const std::size_t i = first + static_cast<std::size_t>(row) - 1;
      if (i >= order.size()) break;
      const bool more = row + 1 == box.rows && i + 1 < order.size();
      const LiveProcess& process = state_.processes[order[i]];
      const std::string cpu =
          std::isnan(process.cpu_cores) ? "?" : fmt::format("{:.2f}", process.cpu_cores);
      const std::string rss =
          std::isnan(process.rss_mib) ? "?" : fmt::format("{:.1f}", process.rss_mib);
      std::string name = process.name;
      if (!state_.processes_by_cpu && process.depth > 0) {
        name = std::string(static_cast<std::size_t>(2 * (process.depth - 1)), ' ') +
               (unicode_ ? "└ " : "` ") + name;
      }
      const std::string text =
          more ? fmt::format("    ... {} more", order.size() - i)
               : fmt::format("{:>7} {:>6} {:>8}  {}", process.pid, cpu, rss, name);
      grid_.write(box.left, box.top + row,
                  chart::fit(text, static_cast<std::size_t>(box.columns), unicode_),
                  more ? kDim : -1);
    }
  }

  // The newest events, below them the last lines of the command's output.
  void news(const Box& box) {
    const auto& events = history_.events();
    const int output = static_cast<int>(state_.output.size());
    const int event_rows = std::min(static_cast<int>(events.size()),
                                    output > 0 ? std::max(box.rows / 2 - 1, 0) : box.rows - 1);
    int row = box.top;
    const auto line = [&](const std::string& text, int color, bool bold) {
      if (row >= box.top + box.rows) return;
      grid_.write(box.left, row++,
                  chart::fit(text, static_cast<std::size_t>(box.columns), unicode_), color, bold);
    };
    if (event_rows > 0) {
      line("events", -1, true);
      for (std::size_t i = events.size() - static_cast<std::size_t>(event_rows); i < events.size();
           ++i) {
        line(fmt::format("{:8.2f} s  {}", events[i].t, events[i].label), kEventColor, false);
      }
    }
    if (output == 0 || row + 1 >= box.top + box.rows) return;
    line("output", -1, true);
    const int room = box.top + box.rows - row;
    for (int i = std::max(output - room, 0); i < output; ++i) {
      line(state_.output[static_cast<std::size_t>(i)], -1, false);
    }
  }

  const LiveState& state_;
  const History& history_;
  const bool unicode_;
  LiveGrid grid_;
};

}  // namespace

LiveGrid::LiveGrid(int columns, int rows)
    : columns_(std::max(columns, 1)),
      rows_(std::max(rows, 1)),
      cells_(static_cast<std::size_t>(columns_ * rows_)) {}

LiveCell& LiveGrid::at(int column, int row) {
  return cells_[static_cast<std::size_t>(row * columns_ + column)];
}
const LiveCell& LiveGrid::at(int column, int row) const {
  return cells_[static_cast<std::size_t>(row * columns_ + column)];
}

void LiveGrid::write(int column, int row, std::string_view text, int color, bool bold, int end) {
  if (row < 0 || row >= rows_) return;
  for (std::string& letter : chart::letters(text)) {
    if (column >= std::min(columns_, end)) return;
    if (column >= 0) {
      LiveCell& cell = at(column, row);
      cell.text = std::move(letter);
      cell.color = color;
      cell.bold = bold;
    }
    ++column;
  }
}

std::string LiveGrid::text() const {
  std::string out;
  for (int row = 0; row < rows_; ++row) {
    std::string line;
    for (int column = 0; column < columns_; ++column) line += at(column, row).text;
    while (!line.empty() && line.back() == ' ') line.pop_back();
    out += line + '\n';
  }
  return out;
}

std::string LiveGrid::ansi() const {
  std::string out;
  for (int row = 0; row < rows_; ++row) {
    for (int column = 0; column < columns_; ++column) {
      const LiveCell& cell = at(column, row);
      std::string codes;
      if (cell.bold) codes += ";1";
      if (cell.inverse) codes += ";7";
      if (cell.color >= 0) codes += fmt::format(";{}", cell.color);
      out += codes.empty() ? cell.text : fmt::format("\x1b[0{}m{}\x1b[0m", codes, cell.text);
    }
    out += '\n';
  }
  return out;
}

LiveGrid draw_live(const LiveState& state, int columns, int rows, bool unicode) {
  return Frame(state, columns, rows, unicode).draw();
}

}  // namespace treino::monitor
