// SPDX-License-Identifier: Apache-2.0
// An experiment's folder on disk: blocks/<k>-<contestant>/ with raw files and run.json, disturbed/
// for runs that were repeated, experiment.toml, environment.json, result.json.
#pragma once

#include <string>
#include <vector>

#include "treino/base/file_lock.h"
#include "treino/experiment/result.h"

namespace treino::experiment {

// Held while an experiment is run into a folder; a second run into it is refused.
class FolderLock {
 public:
  explicit FolderLock(const std::string& folder);  // throws Error::mistake when somebody holds it

 private:
  FileLock lock_;
};

struct Found {
  std::vector<Run> runs;              // by the names of their folders
  std::vector<std::string> warnings;  // one line for each file that is not used, and why
};

// Every finished run of a folder. One that was changed or cut is left out with a warning; raw files
// that do not fit their run's sums are warned of too.
Found find_runs(const std::string& folder);

// Sorts the runs by block, then work as the contestants are listed, position and attempt: the same
// order whether the bench has just run them or they were read from their files again.
void put_in_order(Result& result);

// "blocks/3-keras"
std::string run_folder(int block, const std::string& contestant);

// Writes run.json, the sign that a run is complete; puts the sums of its raw files into the run.
void write_run(const std::string& folder, Run& run);

}  // namespace treino::experiment
