// SPDX-License-Identifier: Apache-2.0
// The algorithms that can serve a convolution on this machine, and how long each takes.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "treino/backend/cpu/plan.h"
#include "treino/base/thread_team.h"

namespace treino::cpu {

// Names of those that serve the step, the fixed table's first; none where there is nothing to
// choose: another op, one algorithm only, or one that is forced.
std::vector<std::string> candidates_of(const Step& step, const PlanOptions& options);

// Seconds of each of these on random operands, on all threads of the team: in turn, round after
// round, for about `seconds` each; the third least counts. One several times slower than another is
// given up early.
std::vector<double> time_candidates(const Step& step, std::span<const std::string> kernels,
                                    double seconds, const PlanOptions& options,
                                    const std::shared_ptr<ThreadTeam>& team);

// by_table where there is none of that name.
Convolutions convolutions_named(std::string_view name);

}  // namespace treino::cpu
