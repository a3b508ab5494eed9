// SPDX-License-Identifier: Apache-2.0
// Rows of a watch that never was.
#pragma once

#include <string>
#include <vector>

#include "treino/monitor/sampler.h"

namespace treino::monitor {

class Rows {
 public:
  Rows() {
    header.columns = {{"cpu_cores", Kind::rate, 3, ""},    {"rss_mib", Kind::gauge, 1, ""},
                      {"pss_mib", Kind::gauge, 1, ""},     {"processes", Kind::gauge, 0, ""},
                      {"gpu_util_pct", Kind::rate, 1, ""}, {"gpu_mem_mib", Kind::gauge, 1, ""},
                      {"gpu_status", Kind::status, 0, ""}};
    header.target = "python3 train.py";
    header.interval_s = 0.1;
    header.wall_start = "2026-01-02T03:04:05Z";
    cells.assign(header.columns.size(), Reading::absent("not read"));
  }

  Reading& operator[](std::string_view column) { return cells[*header.find(column)]; }

  // The row at `t`, with the cells as they are.
  Row row(double t, double dt = 0.1) {
    Row out;
    out.t = t;
    out.dt = dt;
    out.cells = cells;
    out.marks = marks;
    return out;
  }

  Header header;
  std::vector<Reading> cells;
  std::vector<Mark> marks;
};

}  // namespace treino::monitor
