// SPDX-License-Identifier: Apache-2.0
// The two gradients of a convolution in one pass over dy.
#include "treino/backend/cpu/plan.h"

namespace treino::cpu {

namespace {

// Whether the gradient of the kernel, phase `k`, may run where that of x, phase `x`, stands.
bool fit(const Plan& plan, std::size_t x, std::size_t k) {
  const Phase &of_x = plan.phases[x], &of_kernel = plan.phases[k];
  if (of_x.run != of_kernel.along.other || of_x.extent != of_kernel.extent ||
      !of_kernel.along.fits(of_kernel.state, of_x.state))
    return false;
  const Extent &dy = of_kernel.reads[1], &same = of_x.reads[0];
  if (dy.space != same.space || dy.begin != same.begin || dy.end != same.end) return false;
  for (std::size_t i = x; i < k; ++i) {
    if (conflict(of_kernel, plan.phases[i])) return false;
  }
  return true;
}

void join(Plan& plan, std::size_t x, std::size_t k) {
  Phase both = std::move(plan.phases[k]);
  const Phase& of_x = plan.phases[x];
  auto pair = std::make_shared<Pair>(Pair{both.state, of_x.state});
  plan.states.push_back(pair);
  both.run = both.along.run;
  both.state = pair.get();
  both.along = {};
  both.nanoseconds += of_x.nanoseconds;
  both.reads.insert(both.reads.end(), of_x.reads.begin(), of_x.reads.end());
  both.writes.insert(both.writes.end(), of_x.writes.begin(), of_x.writes.end());
  plan.phases[x] = std::move(both);
  plan.phases.erase(plan.phases.begin() + static_cast<std::ptrdiff_t>(k));
}

}  // namespace

int join_gradients(Plan& plan, int workers) {
  int joined = 0;
  for (std::size_t k = 0; k < plan.phases.size(); ++k) {
    const Phase& of_kernel = plan.phases[k];
    if (of_kernel.along.run == nullptr || of_kernel.slices < 2 * workers) continue;
    for (std::size_t x = 0; x < k; ++x) {
      if (!fit(plan, x, k)) continue;
      join(plan, x, k);
      ++joined;
      --k;
      break;
    }
  }
  return joined;
}

}  // namespace treino::cpu
