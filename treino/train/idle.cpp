// SPDX-License-Identifier: Apache-2.0
#include "treino/train/idle.h"

#include <algorithm>

namespace treino::train {

Idle idle_of(double step_seconds, std::span<const LaunchTime> launches, double empty) {
  Idle idle;
  idle.launches = static_cast<int>(launches.size());
  std::vector<int> depth;
  std::vector<double> chain;
  for (const LaunchTime& launch : launches) {
    int before = 0;
    double worked = 0;
    for (const int other : launch.after) {
      before = std::max(before, depth[static_cast<std::size_t>(other)]);
      worked = std::max(worked, chain[static_cast<std::size_t>(other)]);
    }
    const double work = std::max(launch.seconds - empty, 0.0);
    idle.alone += launch.seconds;
    idle.work += work;
    depth.push_back(before + 1);
    chain.push_back(worked + work);
    idle.longest = std::max(idle.longest, depth.back());
    idle.chain = std::max(idle.chain, chain.back());
  }
  if (step_seconds > 0) {
    idle.least = std::max(1 - idle.work / step_seconds, 0.0);
    idle.most = std::max(1 - idle.chain / step_seconds, 0.0);
  }
  return idle;
}

}  // namespace treino::train
