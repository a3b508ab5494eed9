// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "treino/backend/cpu/plan.h"

namespace treino::cpu {

struct Stage {
  PhaseFunction run = nullptr;
  const void* state = nullptr;
};

// Slices [begin, end), run by one worker: all stages of a slice, then the next slice.
struct Task {
  std::vector<Stage> stages;
  Index begin = 0, end = 0;
};

// What is done between two barriers: each worker's share, of which others take slices when it is
// not there to do them.
struct Share {
  std::vector<Task> tasks;
  // What is claimed at once: unit u is slices [ends[u - 1], ends[u]) of all its tasks, in order.
  std::vector<Index> ends;
  Index units() const { return static_cast<Index>(ends.size()); }
};
struct Level {
  std::vector<Share> shares;  // one a worker
  Index units = 0;
};

// Phases in as few levels as their reads and writes allow: a phase stands after all it depends on,
// independent ones share a level. Chains of tiny phases run on one worker without barriers, and
// chains of phases that slice the same rows run slice by slice. Who runs what depends on the number
// of workers; what is computed does not.
std::vector<Level> make_levels(const std::vector<Phase>& phases, int workers);

// Each phase a level of its own, in program order; for profiles. Also says which level ends a step:
// level i belongs to phases[i].step.
std::vector<Level> make_profile_levels(const std::vector<Phase>& phases, int workers);

}  // namespace treino::cpu
