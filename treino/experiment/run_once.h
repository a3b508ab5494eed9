// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "treino/experiment/entry.h"
#include "treino/experiment/result.h"

namespace treino::experiment {

struct RunContext {
  const Experiment& experiment;
  const Entry& entry;
  std::string data, treino;
  std::string folder;  // of this run, there already
  int block = 1;  // {seed} is the experiment's seed + block - 1: one seed a block for everybody
  int threads = 1;
  std::vector<int> cpus;
  double cores = 1;  // that this bench may use, before it pinned itself
  int padding = 0;   // bytes added to the environment: its size moves the stack (Mytkowicz et al.,
                     // "Producing wrong data without doing anything obviously wrong!", 2009)
};

// What is run, every placeholder filled in. Throws Error::mistake for an unknown placeholder.
std::vector<std::string> command_line(const Entry& entry, const RunContext& context);

// The same for a record that others read: the folders of this machine stay placeholders.
std::vector<std::string> portable_command(const Entry& entry, const RunContext& context);

// Throws Error::mistake for what would keep it from being launched as it is written: an unknown
// placeholder in its command, environment or folder, a log profile that is none.
void check_launch(const RunContext& context);

// Runs it once under the monitor; raw files are on disk when it returns. Throws Error::work when
// they cannot be.
Run run_once(const RunContext& context);

}  // namespace treino::experiment
