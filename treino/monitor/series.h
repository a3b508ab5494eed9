// SPDX-License-Identifier: Apache-2.0
// What a sampler hands out: columns, rows, marks (events with the counters of that instant), and
// the summary at the end. Plain data; outputs and charts are functions of it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "treino/base/event.h"
#include "treino/monitor/reading.h"

namespace treino::monitor {

class Tree;

enum class Kind {
  gauge,    // a state now (memory, processes)
  rate,     // mean over the row's dt (cores, watts)
  counter,  // total since the start of the watch; phases are differences of it
  status,   // text: the reading's note ("ok" when it is empty); its value is never set
};

struct Column {
  const char* name;  // with its unit: cpu_s, rss_mib (docs/monitor.md)
  Kind kind;
  int decimals;
  const char* meaning;  // one line for docs and --help
};

// An event of the watched program, and every counter at that instant.
struct Mark {
  double t = 0;                // seconds since the start, by our clock on receipt
  Event event;                 // its own "t" is the sender's stamp
  std::vector<Reading> cells;  // as a row's; only counters are read, the rest is absent
};

struct Row {
  double t = 0;                    // seconds since the start, when it was read
  double dt = 0;                   // true length of the interval it stands for
  std::int64_t missed = 0;         // ticks between this row and the one before that were not kept
  std::span<const Reading> cells;  // one for each column; valid during the call only
  std::span<const Mark> marks;     // those since the row before
  const Tree* tree = nullptr;      // the processes; valid during the call only
};

// Known before the first row.
struct Header {
  std::vector<Column> columns;
  std::string target;  // the command line, or "pid 123 (python3)"
  double interval_s = 0;
  double machine_mib = 0;  // its memory; 0: unknown
  double start = 0;        // CLOCK_MONOTONIC seconds of t = 0
  std::string wall_start;  // UTC, ISO 8601: to find the run again, never to compute with
  // How each thing is measured here: {"cpu", "cgroup v1 cpuacct"}, {"memory", "..."}.
  std::vector<std::pair<std::string, std::string>> methods;

  // Index of a column, or nothing when no probe of this build gives it.
  std::optional<std::size_t> find(std::string_view name) const;
};

struct Summary {
  double wall_s = 0;
  std::int64_t samples = 0, missed = 0;
  std::optional<int> exit;  // of the command: its code, or 128 + signal. Nothing for --pid, --name
  std::string failure;      // why the command could not be run; then nothing was measured
  bool timed_out = false;   // ended by --for
  int interrupted_by = 0;   // signal that ended the watch, 0: none

  // In the order of the probes. "gpu.mem_mib" stands inside the object "gpu" of the JSON.
  struct Entry {
    std::string name;
    Reading reading;
    int decimals = 3;
  };
  std::vector<Entry> entries;
  std::vector<std::pair<std::string, std::string>> methods;  // as in the header
  std::vector<std::string>
      notes;  // lines for people: left-over processes ended, gaps between counters
  std::vector<std::string> warnings;  // what was lost; said where no summary is asked for, too

  void add(std::string name, Reading reading, int decimals = 3);
  Reading get(std::string_view name) const;  // absent when there is no such entry
};

// The object of `treino monitor --json`.
std::string to_json(const Summary& summary);
// For people, several lines.
std::string to_text(const Summary& summary);

// A cell as text: point as decimal mark, empty when unknown.
std::string cell_text(const Column& column, const Reading& reading);

}  // namespace treino::monitor
