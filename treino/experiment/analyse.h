// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "treino/experiment/result.h"

namespace treino::experiment {

// Computes everything of a result that follows from its runs: variations, summaries, comparisons,
// certificates, curves (from the raw files below `folder`; empty: none), power, warnings. A pure
// function of runs and files, so it can be made again at any time.
void analyse(Result& result, const std::string& folder);

// Warnings about this very experiment: what Heiser ("Systems benchmarking crimes") would say of it.
std::vector<std::string> judge(const Result& result);

// A run whose resource totals count: it ended well, even where its events cannot be believed.
inline bool counts(const Run& run) {
  return run.status == RunStatus::ok || run.status == RunStatus::broken_events;
}

}  // namespace treino::experiment
