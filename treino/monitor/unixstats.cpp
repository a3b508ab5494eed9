// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/unixstats.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>

#include "treino/base/error.h"
#include "treino/base/file.h"

namespace treino::monitor {

namespace {

struct OldColumn {
  const char* name;  // in the seed
  const char* ours;  // a name that says what it is
  const char* meaning;
};

constexpr OldColumn kColumns[] = {
    {"cpu", "machine_cpu_since_boot_pct",
     "the WHOLE MACHINE's (user + system) / (user + system + idle) SINCE BOOT, from /proc/stat:\n"
     "    a lifetime average that hardly moves, not the load of these seconds and of no one "
     "program"},
    {"ram", "machine_ram_used_pct",
     "`free`: memory used by the WHOLE MACHINE, in percent of that machine's memory"},
    {"gpu", "gpu_any_process_pct",
     "utilisation of the whole first GPU by ANY process, over the driver's window of 1/6 to 1 s;\n"
     "    read faster than that it repeats; 0 also where there was no nvidia-smi or it was slow"},
    {"graphic ram", "gpu_name_line_mem_pct",
     "the first line of nvidia-smi's table with the name in it, over a constant of ONE card (7981 "
     "MiB,\n"
     "    4038 in older versions); 0 also where the name did not stand there"},
};

// A number with a decimal comma (a point is taken too); empty is unknown.
Reading number(std::string_view text, const std::string& where, std::size_t line) {
  if (text.empty()) return Reading::absent("an empty cell");
  std::string plain(text);
  std::replace(plain.begin(), plain.end(), ',', '.');
  double value = 0;
  const auto [rest, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  if (error != std::errc() || rest != plain.data() + plain.size() || !std::isfinite(value)) {
    throw Error::mistake(
        fmt::format("{}:{}: \"{}\" is no number with a decimal comma", where, line, text));
  }
  return Reading::of(value);
}

UnixStatsRow parse_row(std::string_view line, const std::string& where,
                       std::size_t number_of_line) {
  std::vector<std::string_view> cells;
  while (true) {
    const std::size_t end = std::min(line.find(';'), line.size());
    cells.push_back(line.substr(0, end));
    if (end == line.size()) break;
    line.remove_prefix(end + 1);
  }
  if (cells.size() != 5) {
    throw Error::mistake(
        fmt::format("{}:{}: has {} cells; a row of UnixStats is time;cpu;ram;gpu;graphic ram",
                    where, number_of_line, cells.size()));
  }
  UnixStatsRow row;
  const Reading t = number(cells[0], where, number_of_line);
  if (!t.known()) throw Error::mistake(fmt::format("{}:{}: has no time", where, number_of_line));
  row.t = t.value;
  for (std::size_t i = 0; i < 4; ++i) row.values[i] = number(cells[i + 1], where, number_of_line);
  return row;
}

struct Extent {
  double least = std::numeric_limits<double>::infinity(), most = -least, sum = 0;
  std::int64_t known = 0, zeros = 0, repeats = 0;
};

Extent extent(const UnixStatsFile& file, std::size_t column) {
  Extent e;
  double before = std::numeric_limits<double>::quiet_NaN();
  for (const UnixStatsRow& row : file.rows) {
    const Reading& reading = row.values[column];
    if (!reading.known()) continue;
    ++e.known;
    e.sum += reading.value;
    e.least = std::min(e.least, reading.value);
    e.most = std::max(e.most, reading.value);
    e.zeros += reading.value == 0 ? 1 : 0;
    e.repeats += reading.value == before ? 1 : 0;
    before = reading.value;
  }
  return e;
}

}  // namespace

UnixStatsFile parse_unixstats(const std::string& text, const std::string& where) {
  UnixStatsFile file;
  std::size_t line_number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++line_number;
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    if (line_number == 1 && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
    if (line.empty()) continue;
    if (file.rows.empty() && !file.has_header && line.starts_with("time(s)")) {
      file.has_header = true;
      continue;
    }
    file.rows.push_back(parse_row(line, where, line_number));
  }
  if (file.rows.empty()) throw Error::mistake(fmt::format("{}: has no rows", where));
  return file;
}

UnixStatsFile read_unixstats(const std::string& path) {
  return parse_unixstats(read_whole_file(path), path);
}

std::string describe(const UnixStatsFile& file, const std::string& name) {
  std::string text = fmt::format("{}: {} rows, time column {:.1f} to {:.1f}\n", name,
                                 file.rows.size(), file.rows.front().t, file.rows.back().t);
  if (file.has_header) {
    text +=
        "With the header time(s);...: as written by treino monitor --csv-dialect=unixstats, each\n"
        "column is of the watched tree and the time is a clock. Where UnixStats itself printed "
        "it,\n"
        "what is said below holds.\n";
  } else {
    text +=
        "The time is the row's number / 10 (ticks really took longer when the machine was busy).\n";
  }
  text += fmt::format("\n{:<12}{:>10}{:>10}{:>10}{:>11}\n", "column, %", "smallest", "largest",
                      "mean", "variation");
  for (std::size_t i = 0; i < 4; ++i) {
    const Extent e = extent(file, i);
    if (e.known == 0) {
      text += fmt::format("{:<12}{:>10}\n", kColumns[i].name, "unknown");
    } else {
      text += fmt::format("{:<12}{:>10.4f}{:>10.4f}{:>10.4f}{:>11.4f}\n", kColumns[i].name, e.least,
                          e.most, e.sum / static_cast<double>(e.known), e.most - e.least);
    }
  }
  text += "\nWhat UnixStats really measured:\n";
  for (std::size_t i = 0; i < 4; ++i) {
    text += fmt::format("  {}: {}\n", kColumns[i].name, kColumns[i].meaning);
    const Extent e = extent(file, i);
    const auto rows = static_cast<std::int64_t>(file.rows.size());
    if (i >= 2 && e.known > 0 && e.zeros == rows) {
      text += "    Here it is 0 in every row: more likely not read than not used.\n";
    } else if (i >= 2 && rows > 2 && 10 * e.repeats > 4 * rows) {
      text += fmt::format("    Here {} of {} rows repeat the one before.\n", e.repeats, rows);
    }
  }
  return text;
}

std::string to_csv(const UnixStatsFile& file) {
  std::string text = "t_s";
  for (const OldColumn& column : kColumns) text += fmt::format(",{}", column.ours);
  text += '\n';
  for (const UnixStatsRow& row : file.rows) {
    text += fmt::format("{:.1f}", row.t);
    for (const Reading& reading : row.values) {
      text += reading.known() ? fmt::format(",{}", reading.value) : ",";
    }
    text += '\n';
  }
  return text;
}

std::string to_json(const UnixStatsFile& file) {
  nlohmann::ordered_json json;
  json["rows"] = file.rows.size();
  for (std::size_t i = 0; i < 4; ++i) {
    const Extent e = extent(file, i);
    nlohmann::ordered_json column;
    column["seed_name"] = kColumns[i].name;
    column["meaning"] = kColumns[i].meaning;
    column["known"] = e.known;
    if (e.known > 0) {
      column["smallest"] = e.least;
      column["largest"] = e.most;
      column["mean"] = e.sum / static_cast<double>(e.known);
      column["variation"] = e.most - e.least;
      column["zeros"] = e.zeros;
      column["repeats"] = e.repeats;
    }
    json["columns"][kColumns[i].ours] = column;
  }
  return json.dump();
}

Reading seeds_cpu_percent(const std::string& proc_stat) {
  double user = 0, nice = 0, system = 0, idle = 0;
  if (std::sscanf(proc_stat.c_str(), "cpu %lf %lf %lf %lf", &user, &nice, &system, &idle) != 4) {
    return Reading::absent("no cpu line");
  }
  return Reading::of(100 * (user + system) / (user + system + idle));
}

}  // namespace treino::monitor
