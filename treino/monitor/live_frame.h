// SPDX-License-Identifier: Apache-2.0
// What the live view shows, as a grid of cells: a pure function, whatever draws it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "treino/monitor/history.h"

namespace treino::monitor {

struct LiveProcess {
  pid_t pid = 0;
  int depth = 0;  // below the tree's root
  std::string name;
  double cpu_cores = 0;  // over the last second; NaN: unknown
  double rss_mib = 0;    // NaN: unknown
};

struct LiveState {
  const History* history = nullptr;
  std::vector<LiveProcess> processes;  // parents before children
  std::vector<std::string> output;     // last lines of the command's
  double t = 0;                        // seconds since the start
  std::string state = "running";       // "paused", "ended, exit 0"
  std::string help;                    // the keys, last line
  double seconds = 0;                  // of history shown; 0: all of it
  int first_process = 0;               // scrolled to
  bool processes_by_cpu = false;
};

struct LiveCell {
  std::string text = " ";  // one column
  int color = -1;          // an ANSI foreground colour; -1: the terminal's own
  bool bold = false;
  bool inverse = false;
};

class LiveGrid {
 public:
  LiveGrid(int columns, int rows);
  int columns() const { return columns_; }
  int rows() const { return rows_; }
  LiveCell& at(int column, int row);
  const LiveCell& at(int column, int row) const;
  // Writes one cell a letter and cuts at the right edge (or at `end`).
  void write(int column, int row, std::string_view text, int color = -1, bool bold = false,
             int end = 1 << 20);
  std::string text() const;  // rows without what is blank at their end, for tests and recordings
  std::string ansi() const;  // the same in colour

 private:
  int columns_, rows_;
  std::vector<LiveCell> cells_;
};

// Fits any size; says so where nothing fits.
LiveGrid draw_live(const LiveState& state, int columns, int rows, bool unicode);

}  // namespace treino::monitor
