// SPDX-License-Identifier: Apache-2.0
// Results kept by machine and commit, and what changed between two of them.
#pragma once

#include <string>
#include <vector>

#include "treino/experiment/result.h"

namespace treino::experiment {

// Keeps a result as <root>/<machine>/<experiment>/<started>-<commit>.json, and returns that path.
std::string keep_result(const Result& result, const std::string& root);

// $TREINO_RESULTS, else $XDG_DATA_HOME/treino/results, else ~/.local/share/treino/results.
std::string results_root();

// Kept results of an experiment (all when `name` is empty), oldest first.
std::vector<std::string> kept_results(const std::string& root, const std::string& name);

// A result from an experiment's folder, a result.json, or a kept one (by the beginning of its
// commit, or `latest`). Throws Error::mistake when there is none.
Result open_result(const std::string& place);

struct Change {
  std::string contestant;
  Comparison comparison;  // a: the later result, b: the earlier one
};

// Every contestant and main metric that both have; the k-th good run of one against the k-th of the
// other. Holm corrects over the contestants of a metric.
std::vector<Change> changes(const Result& before, const Result& after);

// Whether any metric got worse: slower, or more of it (less for accuracy).
bool worse(const std::vector<Change>& changes);

std::string changes_markdown(const Result& before, const Result& after,
                             const std::vector<Change>& changes);

}  // namespace treino::experiment
