// SPDX-License-Identifier: Apache-2.0
// Runs an experiment: every block, every contestant, every raw file on disk before the next run.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "treino/experiment/entry.h"
#include "treino/experiment/result.h"
#include "treino/experiment/schedule.h"

namespace treino::experiment {

struct BenchOptions {
  std::string out;  // the experiment's folder
  bool resume = false;
  std::string data;     // folder with a subfolder a data set: {data}, and TREINO_DATA of every run
  std::string treino;   // our own program: {treino}
  std::string sources;  // folder whose commit is recorded; empty: none
  std::function<void(const std::string&)> tell;  // lines for people
};

// What a bench is about to do: entries (with `trouble` where one cannot run), and their turns.
struct Plan {
  std::vector<Entry> entries;
  std::vector<Turn> turns;
  int threads = 0;
  double cores = 1;  // we may use
  std::vector<int> contestant_cpus, monitor_cpus;
  std::string pinning;  // for people and the report
};
Plan plan_of(const Experiment& experiment);

// Lines of --dry-run: the schedule, and what each contestant runs.
std::vector<std::string> describe(const Experiment& experiment, const Plan& plan,
                                  const BenchOptions& options);

struct Outcome {
  Result result;   // settings, machine, contestants and runs; analyse() adds the rest
  int signal = 0;  // that stopped it early
};

// Throws Error::mistake for a folder in use or of another experiment, Error::work when raw files
// cannot be written (earlier runs stay as they are).
Outcome run_experiment(const Experiment& experiment, const BenchOptions& options);

// The same result put together from an experiment's folder, without running anything.
Result load_result(const std::string& folder);

}  // namespace treino::experiment
