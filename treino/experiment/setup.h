// SPDX-License-Identifier: Apache-2.0
// Environments of contestants: made once, kept in the cache, outside every measurement.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "treino/experiment/contestant.h"
#include "treino/experiment/result.h"

namespace treino::experiment {

struct Environment {
  std::string folder;  // $XDG_CACHE_HOME/treino/contestants/<name>-<digest of its set-up>
  std::string python;  // of its virtual environment, or the one named by TREINO_BENCH_PYTHON
  bool ready = false;
  std::string trouble;                      // why it is not ready: one line with the remedy
  Number installed_mib, packages, setup_s;  // from the set-up's own record
};

// Looks; makes nothing.
Environment environment_of(const ContestantFile& file);

// Makes it (again when `afresh`) and says each step through `tell`. The log is setup.log in its
// folder. Never throws for what cannot be installed: the result's trouble says it.
Environment make_environment(const ContestantFile& file, bool afresh,
                             const std::function<void(const std::string&)>& tell);

// Lines of its program that are not empty; nothing when it names none.
Number program_lines(const ContestantFile& file);

}  // namespace treino::experiment
