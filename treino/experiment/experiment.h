// SPDX-License-Identifier: Apache-2.0
// An experiment as its TOML file says it (docs/experiments.md has every field).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "treino/experiment/contestant.h"

namespace treino::experiment {

// One [[contestant]], before it is spread over the works.
struct ContestantSpec {
  std::string name, where;           // where: "file:line:", for errors
  std::vector<std::string> command;  // its own, or that of the folder named by `use`
  std::optional<ContestantFile> file;
  std::string work, variant = "equal", note;
  std::map<std::string, std::string> environment;
  Placeholders with;                   // more placeholders for its command
  std::vector<std::string> arguments;  // added to the command
  std::string log_profile;
};

// At most so many, of a file and of the command line.
inline constexpr int kMostBlocks = 100'000, kMostEpochs = 1'000'000, kMostBatch = 1'000'000'000,
                     kMostThreads = 4096, kMostTries = 1000;
inline constexpr long long kMostSeed = 1'000'000'000'000'000'000;

struct Experiment {
  std::string path, source;  // the file and its text
  std::string name, title;
  std::vector<std::string> works;  // contestants with `use` run each of them
  int repeat = 10;
  double interval_s = 0.1;
  unsigned long long seed = 1;
  int threads = 0, epochs = 3, batch = 32;  // threads 0: the cores this process may use
  std::string device = "cpu";
  std::string precision = "float32";  // what products multiply
  std::string control;         // the contestant that is run a second time under another name (A/A)
  std::string cache = "warm";  // page cache of the data: warm (read before the first block), cold
                               // (dropped before every run, where the machine lets us), as-is
  bool pin = true;
  double cool_down_s = 1;
  double timeout_s = 3600;
  double foreign_limit = 0.02;  // share of the cores others may take before a run is repeated
  int tries = 3;
  double margin = 0.01;
  std::optional<double> target_accuracy;
  bool unequal = false;
  std::vector<ContestantSpec> contestants;
};

// A path, or a name from experiments/. Throws Error::mistake naming file, line and remedy.
Experiment load_experiment(const std::string& name_or_path);

}  // namespace treino::experiment
