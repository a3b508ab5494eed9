// SPDX-License-Identifier: Apache-2.0
// A pooling that follows its convolution row by row: the rows go through one small piece of memory
// in the first cache, and y as a whole is never written.
#include <algorithm>
#include <utility>

#include "treino/backend/cpu/plan.h"

namespace treino::cpu {

namespace {

struct Joined {
  const void *convolution = nullptr, *pool = nullptr;
  MakesRows makes;
  TakesRows takes;
  Index slices = 1;
};

Index scratch_before(const MakesRows& makes) {
  return whole_lines(makes.scratch_bytes);
}

void run_joined(const void* opaque, Index slice, std::byte* scratch) {
  const auto& state = *static_cast<const Joined*>(opaque);
  const MakesRows& makes = state.makes;
  const TakesRows& takes = state.takes;
  float* rows = reinterpret_cast<float*>(scratch + scratch_before(makes));
  const Range images = share(makes.batch, state.slices, slice);
  for (Index image = images.begin; image < images.end; ++image) {
    for (Index row = 0; row < makes.height; row += makes.at_once) {
      float* y = rows - row * makes.row_floats;
      const Index end = std::min((row + makes.at_once) / takes.row_height, takes.rows);
      makes.run(state.convolution, image, row, y, scratch);
      takes.run(state.pool, image, row / takes.row_height, end, y);
    }
  }
}

// Whether the convolution, phase `c`, may run where the pooling, phase `p`, stands.
bool fit(const Plan& plan, std::size_t c, std::size_t p) {
  const Phase &convolution = plan.phases[c], &pool = plan.phases[p];
  const Extent& y = convolution.writes.front();
  if (y.space != 0 || !y.sliced || convolution.extent != pool.extent ||
      convolution.slices != pool.slices || convolution.makes.at_once % pool.takes.row_height != 0)
    return false;
  if (!same_place(pool.reads.front(), y) || overlap(pool.writes, convolution.reads)) return false;
  return !conflict(convolution, plan.phases, c + 1, p) && !is_read_later(plan.phases, y, p);
}

void join(Plan& plan, std::size_t c, std::size_t p) {
  Phase &convolution = plan.phases[c], &pool = plan.phases[p];
  auto state = std::make_shared<Joined>();
  state->convolution = convolution.state;
  state->pool = pool.state;
  state->makes = convolution.makes;
  state->takes = pool.takes;
  state->slices = pool.slices;
  plan.states.push_back(state);
  const MakesRows& makes = state->makes;
  plan.worker_bytes = std::max(
      plan.worker_bytes, whole_lines(scratch_before(makes) + makes.at_once * makes.row_floats * 4));
  plan.choices[static_cast<std::size_t>(pool.step)] = "with the convolution";
  pool.run = run_joined;
  pool.state = state.get();
  pool.step = convolution.step;
  pool.nanoseconds += convolution.nanoseconds;
  // y is left out; beside it the convolution writes its step's scratch.
  pool.reads.erase(pool.reads.begin());
  pool.reads.insert(pool.reads.end(), convolution.reads.begin(), convolution.reads.end());
  pool.writes.insert(pool.writes.end(), convolution.writes.begin() + 1, convolution.writes.end());
  pool.takes = {};
  plan.phases.erase(plan.phases.begin() + static_cast<std::ptrdiff_t>(c));
}

}  // namespace

void join_pools(Plan& plan) {
  for (std::size_t p = 0; p < plan.phases.size(); ++p) {
    if (plan.phases[p].takes.run == nullptr) continue;
    for (std::size_t c = p; c-- > 0;) {
      if (plan.phases[c].makes.run == nullptr || !fit(plan, c, p)) continue;
      join(plan, c, p);
      --p;
      break;
    }
  }
}

}  // namespace treino::cpu
