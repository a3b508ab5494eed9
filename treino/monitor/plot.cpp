// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/plot.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/chart/palette.h"

namespace treino::monitor {

namespace {

using chart::Chart;
using chart::Series;

struct Line {
  const char* column;
  const char* name;
};
struct Panel {
  const char* title;
  const char* label;
  const char* unit;
  std::vector<Line> lines;
};

const std::vector<Panel>& panels() {
  static const std::vector<Panel> all = {
      {"CPU", "CPU of the tree", "cores", {{"cpu_cores", "CPU"}}},
      {"Memory",
       "memory of the tree",
       "MiB",
       {{"pss_mib", "PSS (shared pages once)"},
        {"rss_mib", "RSS (shared pages for each process)"},
        {"anon_mib", "anonymous"}}},
      {"GPU",
       "share of time with a kernel",
       "%",
       {{"gpu_util_pct", "of the tree"}, {"gpu_sm_pct", "multiprocessors busy"}}},
      {"GPU memory", "GPU memory of the tree", "MiB", {{"gpu_mem_mib", "GPU memory"}}},
      {"Power",
       "power",
       "W",
       {{"gpu_power_w", "GPU"}, {"cpu_power_w", "processor, whole machine"}}},
      {"Storage", "since the start", "MiB", {{"read_mib", "read"}, {"written_mib", "written"}}},
  };
  return all;
}

// The known rows of a track. What is read at a slower pace than the rows has no gaps in between: a
// gap is drawn where it was unknown for more than eight of its own steps.
Series series_of(const History& history, const History::Track& track, const char* name) {
  Series series{.name = name};
  const std::vector<double>& times = history.times();
  bool joined = false;
  double last = -1;
  double step = 0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (std::isnan(track.mean[i])) continue;
    if (last >= 0) {
      if (step > 0 && times[i] - last > std::max(8 * step, 3.0)) {
        series.x.push_back((last + times[i]) / 2);
        series.y.push_back(chart::kUnknown);
        series.low.push_back(chart::kUnknown);
        series.high.push_back(chart::kUnknown);
      }
      step = step > 0 ? std::min(step, times[i] - last) : times[i] - last;
    }
    last = times[i];
    series.x.push_back(times[i]);
    series.y.push_back(track.mean[i]);
    series.low.push_back(track.low[i]);
    series.high.push_back(track.high[i]);
    joined = joined || track.low[i] != track.high[i];
  }
  if (!joined) {
    series.low.clear();
    series.high.clear();
  }
  return series;
}

std::string table_of(const Summary& summary) {
  std::string out = "<table><caption>Totals</caption><tr><th>what<th>value<th>remark</tr>";
  out += fmt::format("<tr><td>wall_s<td>{:.3f}<td></tr>", summary.wall_s);
  for (const Summary::Entry& entry : summary.entries) {
    const std::string value = entry.reading.known()
                                  ? fmt::format("{:.{}f}", entry.reading.value, entry.decimals)
                                  : "unknown";
    out += fmt::format("<tr><td>{}<td>{}<td>{}</tr>", chart::escape(entry.name), value,
                       chart::escape(entry.reading.note));
  }
  out += fmt::format("<tr><td>samples<td>{}<td>{} missed</tr>", summary.samples, summary.missed);
  if (summary.exit) out += fmt::format("<tr><td>exit<td>{}<td></tr>", *summary.exit);
  return out + "</table>";
}

constexpr const char* kPageStyle =
    "body{margin:1rem auto;max-width:760px;padding:0 .6rem;font:16px/1.5 system-ui,sans-serif;"
    "background:var(--paper);color:var(--ink)}code{overflow-wrap:anywhere}"
    "table{border-collapse:collapse;font-size:14px}td,th{padding:.15rem .6rem .15rem 0;"
    "text-align:left;border-bottom:1px solid var(--grid)}caption{text-align:left;font-weight:600}";

}  // namespace

std::vector<Chart> charts_of(const History& history) {
  std::vector<Chart> charts;
  for (const Panel& panel : panels()) {
    Chart chart{.title = panel.title,
                .x = {.label = "since the start", .unit = "s", .low = 0},
                .y = {.label = panel.label, .unit = panel.unit}};
    if (history.end() > 0) chart.x.high = history.end();
    for (const Line& line : panel.lines) {
      const History::Track* track = history.track(line.column);
      if (track == nullptr || !track->known) continue;
      chart.series.push_back(series_of(history, *track, line.name));
    }
    if (chart.series.empty()) continue;
    if (chart.series.size() == 1 && panel.lines.size() == 1) chart.series[0].name.clear();
    for (const History::Moment& event : history.events()) {
      chart.events.push_back({event.t, event.label});
    }
    charts.push_back(std::move(chart));
  }
  return charts;
}

std::string html_of(const History& history, const Summary& summary) {
  const std::string target = chart::escape(history.header().target);
  std::string out = fmt::format(
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
      "<title>{0}</title><style>{1}{2}</style><h1>Resources of a process tree</h1>"
      "<p><code>{0}</code><br>{3}, {4:.1f} s, a row every {5} s.</p>",
      target, chart::page_style(), kPageStyle, chart::escape(history.header().wall_start),
      summary.wall_s, chart::number(history.header().interval_s));
  const std::vector<Chart> charts = charts_of(history);
  for (std::size_t i = 0; i < charts.size(); ++i) {
    out += chart::figure(charts[i], fmt::format("c{}", i));
  }
  if (history.events_left_out() > 0) {
    out += fmt::format("<p>{} events more are not drawn.</p>", history.events_left_out());
  }
  out += table_of(summary);
  out += "<h2>How it was measured</h2><ul>";
  for (const auto& [name, method] : summary.methods) {
    out += fmt::format("<li>{}: {}</li>", chart::escape(name), chart::escape(method));
  }
  for (const std::string& note : summary.notes) out += "<li>" + chart::escape(note) + "</li>";
  return out + "</ul></html>\n";
}

PlotOutput::PlotOutput(std::string path) : path_(std::move(path)) {
  if (!path_.ends_with(".svg") && !path_.ends_with(".html")) {
    throw Error::mistake(fmt::format("--plot {}: the name must end in .svg or .html", path_));
  }
  const std::size_t slash = path_.rfind('/');
  check_writable(slash == std::string::npos ? "." : path_.substr(0, slash + 1));
}

void PlotOutput::end(const Summary& summary) {
  if (path_.ends_with(".html")) {
    write_whole_file(path_, html_of(history_, summary));
  } else {
    write_whole_file(path_, chart::svg(charts_of(history_), {.width = 720, .id = "m"}));
  }
}

}  // namespace treino::monitor
