// SPDX-License-Identifier: Apache-2.0
// The files of the seed's monitor (sallaumen/Unix-Stats): semicolons, decimal commas, no header, an
// empty first line. Read as they are, with what each column really is.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "treino/monitor/reading.h"

namespace treino::monitor {

struct UnixStatsRow {
  double t = 0;                   // as written: the row's number / 10, not a clock
  std::array<Reading, 4> values;  // cpu, ram, gpu, graphic ram; percent
};

struct UnixStatsFile {
  std::vector<UnixStatsRow> rows;
  bool has_header =
      false;  // written by us (--csv-dialect=unixstats): then the columns are the tree's
};

// Throws Error::mistake naming file, line and fault.
UnixStatsFile read_unixstats(const std::string& path);
UnixStatsFile parse_unixstats(const std::string& text, const std::string& where);

// For people: smallest, largest, mean and variation of each column, what it really measured, and
// what the file itself gives away (repeated readings, zeros of a switched-off column).
std::string describe(const UnixStatsFile& file, const std::string& name);
// t_s,machine_cpu_since_boot_pct,machine_ram_used_pct,gpu_any_process_pct,gpu_name_line_mem_pct
std::string to_csv(const UnixStatsFile& file);
std::string to_json(const UnixStatsFile& file);

// The seed's formula on the first line of /proc/stat, to set beside a true reading: percent.
Reading seeds_cpu_percent(const std::string& proc_stat);

}  // namespace treino::monitor
