// SPDX-License-Identifier: Apache-2.0
// The two gradients of a convolution in one pass over dy.
#include "treino/backend/cpu/plan.h"

namespace treino::cpu {

namespace {

// Whether the gradient of the kernel, phase `k`, may run where that of x, phase `x`, stands.
bool fit(const std::vector<Phase>& phases, std::size_t x, std::size_t k) {
  const Phase &of_x = phases[x], &of_kernel = phases[k];
  if (of_x.run != of_kernel.along.other || of_x.extent != of_kernel.extent ||
      !of_kernel.along.fits(of_kernel.state, of_x.state) ||
      !same_place(of_kernel.reads[1], of_x.reads[0]))
    return false;
  return !conflict(of_kernel, phases, x, k);
}

}  // namespace

std::vector<Phase> join_gradients(Plan& plan, int workers) {
  std::vector<Phase> phases = plan.phases;
  for (std::size_t k = 0; k < phases.size(); ++k) {
    if (phases[k].along.run == nullptr || phases[k].slices < 2 * workers) continue;
    for (std::size_t x = 0; x < k; ++x) {
      if (!fit(phases, x, k)) continue;
      Phase both = std::move(phases[k]);
      const Phase& of_x = phases[x];
      const auto pair = std::make_shared<Pair>(Pair{both.state, of_x.state});
      plan.states.push_back(pair);
      both.run = both.along.run;
      both.state = pair.get();
      both.along = {};
      both.nanoseconds += of_x.nanoseconds;
      both.reads.insert(both.reads.end(), of_x.reads.begin(), of_x.reads.end());
      both.writes.insert(both.writes.end(), of_x.writes.begin(), of_x.writes.end());
      phases[x] = std::move(both);
      phases.erase(phases.begin() + static_cast<std::ptrdiff_t>(k--));
      break;
    }
  }
  return phases;
}

}  // namespace treino::cpu
