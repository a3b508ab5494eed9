// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "treino/experiment/experiment.h"

namespace treino::experiment {

// A contestant with one work: what is run once a block.
struct Entry {
  std::string id;  // of folders: the name, with the work added where there are several
  std::string name, work, note, control_of;
  std::string variant;
  ContestantSpec spec;
  std::string trouble;  // why it cannot run here (environment not made, not run here)
};

// Every contestant with every work of the experiment, the control after the contestant it repeats.
// Throws Error::mistake for a work a contestant does not have, or when none is said.
std::vector<Entry> entries_of(const Experiment& experiment);

// Indices of entries by work, in order of appearance: those that are compared with each other.
std::vector<std::vector<int>> groups_of(const std::vector<Entry>& entries);

}  // namespace treino::experiment
