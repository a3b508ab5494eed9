// SPDX-License-Identifier: Apache-2.0
// What a contestant told about its run, and whether it can be true.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "treino/base/event.h"
#include "treino/experiment/result.h"
#include "treino/experiment/samples.h"

namespace treino::experiment {

// An event as the bench heard it.
struct Heard {
  Event event;
  double received = 0;                     // seconds since launch
  std::map<std::string, double> counters;  // cpu_s and the like at that instant
};

// A line of events.jsonl: the event with "received" and "counters" added.
std::string line_of(const Heard& heard);
// Those of a file. Throws Error::mistake naming file and line.
std::vector<Heard> read_heard(const std::string& path);

struct Told {
  std::string trouble;  // one line on the first thing that cannot be true, else empty
  std::string framework, version;
  Work work;
  std::vector<Epoch> epochs;
  std::vector<Phase> phases;
  Number test_loss, test_accuracy;
  Number train_start, train_stop;  // seconds since launch
  std::map<std::string, double>
      metrics;  // train_s, epoch_s, startup_s, data_s, compile_s, eval_s, accuracy
};

// Reads a run's events. `start`: CLOCK_MONOTONIC seconds of the launch; `wall_s`: length of the
// run. An event's own time counts where it fits ours, else the time of receipt.
Told understand(const std::vector<Heard>& heard, const Samples& samples, double start,
                double wall_s);

}  // namespace treino::experiment
