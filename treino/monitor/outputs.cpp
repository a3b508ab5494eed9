// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/outputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

namespace treino::monitor {

namespace {

std::string csv_quoted(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string json_text(std::string_view text) {
  return nlohmann::json(std::string(text))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Calls use(column, why) for each unknown cell whose reason is not the one said before.
template <typename Use>
void for_each_new_note(const std::vector<Column>& columns, std::span<const Reading> cells,
                       std::vector<const char*>& said, const Use& use) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].kind == Kind::status || *cells[i].note == '\0' || cells[i].note == said[i]) {
      continue;
    }
    said[i] = cells[i].note;
    use(columns[i], cells[i].note);
  }
}

}  // namespace

void CsvOutput::begin(const Header& header) {
  columns_ = header.columns;
  notes_.assign(columns_.size(), nullptr);
  std::string line = "t_s,dt_s,missed";
  for (const Column& column : columns_) line += fmt::format(",{}", column.name);
  sink_.write(line + ",event,status\n");
}

void CsvOutput::row(const Row& row) {
  std::string line = fmt::format("{:.6f},{:.6f},{}", row.t, row.dt, row.missed);
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    line += ',';
    line += columns_[i].kind == Kind::status ? csv_quoted(cell_text(columns_[i], row.cells[i]))
                                             : cell_text(columns_[i], row.cells[i]);
  }
  std::string events, status;
  for (const Mark& mark : row.marks) {
    events += (events.empty() ? "" : ";") + mark.event.name();
  }
  for_each_new_note(columns_, row.cells, notes_, [&](const Column& column, const char* why) {
    status += fmt::format("{}{}: {}", status.empty() ? "" : "; ", column.name, why);
  });
  line += ',' + csv_quoted(events) + ',' + csv_quoted(status) + '\n';
  sink_.write(line);
}

void JsonLinesOutput::begin(const Header& header) {
  columns_ = header.columns;
  notes_.assign(columns_.size(), nullptr);
  nlohmann::ordered_json json;
  json["kind"] = "header";
  json["target"] = header.target;
  json["interval_s"] = header.interval_s;
  json["start_monotonic_s"] = header.start;
  json["start"] = header.wall_start;
  json["machine_mib"] = header.machine_mib;
  for (const auto& [name, method] : header.methods) json["methods"][name] = method;
  for (const Column& column : header.columns) json["columns"][column.name] = column.meaning;
  sink_.write(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

namespace {

void add_cells(std::string& line, const std::vector<Column>& columns,
               std::span<const Reading> cells, bool counters_only) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (counters_only && columns[i].kind != Kind::counter) continue;
    const std::string text = cell_text(columns[i], cells[i]);
    line += fmt::format(",\"{}\":{}", columns[i].name,
                        columns[i].kind == Kind::status ? json_text(text)
                        : text.empty()                  ? "null"
                                                        : text);
  }
}

}  // namespace

void JsonLinesOutput::row(const Row& row) {
  std::string line = fmt::format(R"({{"kind":"row","t_s":{:.6f},"dt_s":{:.6f},"missed":{})", row.t,
                                 row.dt, row.missed);
  add_cells(line, columns_, row.cells, false);
  std::string status;
  for_each_new_note(columns_, row.cells, notes_, [&](const Column& column, const char* why) {
    status += fmt::format("{}\"{}\":{}", status.empty() ? "" : ",", column.name, json_text(why));
  });
  if (!status.empty()) line += fmt::format(",\"status\":{{{}}}", status);
  sink_.write(line + "}\n");
}

void JsonLinesOutput::mark(const Mark& mark) {
  std::string line = fmt::format(R"({{"kind":"event","t_s":{:.6f})", mark.t);
  add_cells(line, columns_, mark.cells, true);
  sink_.write(line + ",\"event\":" + mark.event.line() + "}\n");
}

void JsonLinesOutput::end(const Summary& summary) {
  sink_.write("{\"kind\":\"summary\",\"summary\":" + to_json(summary) + "}\n");
}

FourPercentsOf::FourPercentsOf(const Header& header)
    : cpu_(header.find("cpu_pct")),
      rss_(header.find("rss_mib")),
      pss_(header.find("pss_mib")),
      gpu_(header.find("gpu_util_pct")),
      gpu_ram_(header.find("gpu_mem_pct")),
      machine_mib_(header.machine_mib) {}

FourPercents FourPercentsOf::operator()(const Row& row) {
  const auto cell = [&](const std::optional<std::size_t>& column) {
    return column ? row.cells[*column] : Reading::absent("not measured");
  };
  FourPercents four{cell(cpu_), Reading::absent("not measured"), cell(gpu_), cell(gpu_ram_)};
  const Reading rss = cell(rss_), pss = cell(pss_);
  if (rss.known() && pss.known() && rss.value > 0) share_ = std::min(1.0, pss.value / rss.value);
  if (rss.known() && machine_mib_ > 0) {
    four.ram = Reading::of(100 * rss.value * share_ / machine_mib_);
  }
  return four;
}

void UnixStatsOutput::begin(const Header& header) {
  percents_.emplace(header);
  sink_.write("time(s);cpu;ram;gpu;graphic ram\n");
}

void UnixStatsOutput::row(const Row& row) {
  const FourPercents four = (*percents_)(row);
  std::string line = fmt::format("{:.1f}", row.t);
  for (const Reading& reading : {four.cpu, four.ram, four.gpu, four.gpu_ram}) {
    line += reading.known() ? fmt::format(";{:.4f}", reading.value) : ";";
  }
  std::replace(line.begin(), line.end(), '.', ',');
  sink_.write(line + "\n");
}

void PrettyOutput::begin(const Header& header) {
  percents_.emplace(header);
}

void PrettyOutput::row(const Row& row) {
  const FourPercents four = (*percents_)(row);
  const auto percent = [](const Reading& reading) {
    return reading.known() ? fmt::format("{:.1f}%", reading.value) : std::string("?");
  };
  sink_.write(fmt::format(
      "Elapsed Time: {:.1f}s    CPU: {}    RAM: {}    GPU: {}    Graphic RAM: {}\n", row.t,
      percent(four.cpu), percent(four.ram), percent(four.gpu), percent(four.gpu_ram)));
}

void PrettyOutput::mark(const Mark& mark) {
  std::string line = fmt::format("-- {:.3f}s {}", mark.t, mark.event.name());
  if (const auto epoch = mark.event.number("epoch")) line += fmt::format(" {}", *epoch);
  for (const char* field : {"loss", "accuracy"}) {
    if (const auto value = mark.event.number(field))
      line += fmt::format("  {} {:.4f}", field, *value);
  }
  sink_.write(line + "\n");
}

}  // namespace treino::monitor
