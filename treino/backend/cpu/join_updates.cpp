// SPDX-License-Identifier: Apache-2.0
// An update right behind the gradient it reads, slice by slice, where nothing else reads that: the
// gradient goes through one small piece of memory a worker and is never written as a whole.
#include <algorithm>

#include "treino/backend/cpu/plan.h"

namespace treino::cpu {

namespace {

// A slice of the gradient: what is to stay in a second cache beside the parameters it updates.
constexpr Index kMostBytes = Index{128} << 10;

struct Joined {
  const void *gradient = nullptr, *update = nullptr;
  MakesSlice makes;
  TakesSlice takes;
  Index rows = 0, slices = 1;
};

void run_joined(const void* opaque, Index slice, std::byte* scratch) {
  const auto& state = *static_cast<const Joined*>(opaque);
  const Index begin = share(state.rows, state.slices, slice).begin;
  float* first = reinterpret_cast<float*>(scratch) - begin * state.makes.row_floats;
  const Update update = state.takes.of(state.update, slice, first);
  if (!state.makes.run(state.gradient, slice, first, update)) update.run(update.arguments);
}

// The most a slice of the gradient takes.
Index slice_bytes(const Phase& gradient) {
  const Index rows = (gradient.extent + gradient.slices - 1) / gradient.slices;
  return whole_lines(rows * gradient.makes_slice.row_floats * 4);
}

// Whether the gradient, phase `g`, may run where its update, phase `u`, stands.
bool fit(const std::vector<Phase>& phases, std::size_t g, std::size_t u) {
  const Phase &gradient = phases[g], &update = phases[u];
  if (gradient.extent != update.extent || gradient.slices != update.slices ||
      slice_bytes(gradient) > kMostBytes)
    return false;
  const Extent& values = gradient.writes.front();
  if (values.space != 0 || !values.sliced || !same_place(update.reads.front(), values) ||
      overlap(update.writes, gradient.reads))
    return false;
  return !conflict(gradient, phases, g + 1, u) && !is_read_later(phases, values, u);
}

Phase join(const Phase& gradient, const Phase& update, Plan& plan) {
  const auto state =
      std::make_shared<Joined>(Joined{gradient.state, update.state, gradient.makes_slice,
                                      update.takes_slice, update.extent, update.slices});
  plan.states.push_back(state);
  plan.worker_bytes = std::max(plan.worker_bytes, slice_bytes(gradient));
  Phase both = update;
  both.run = run_joined;
  both.state = state.get();
  both.takes_slice = {};
  both.nanoseconds += gradient.nanoseconds;
  // The gradient itself is left out.
  both.reads.erase(both.reads.begin());
  both.reads.insert(both.reads.end(), gradient.reads.begin(), gradient.reads.end());
  both.writes.insert(both.writes.end(), gradient.writes.begin() + 1, gradient.writes.end());
  return both;
}

}  // namespace

std::vector<Phase> join_updates(Plan& plan, std::vector<Phase> phases) {
  for (std::size_t u = 0; u < phases.size(); ++u) {
    if (phases[u].takes_slice.of == nullptr) continue;
    for (std::size_t g = u; g-- > 0;) {
      if (phases[g].makes_slice.run == nullptr || !fit(phases, g, u)) continue;
      phases[u] = join(phases[g], phases[u], plan);
      phases.erase(phases.begin() + static_cast<std::ptrdiff_t>(g));
      --u;
      break;
    }
  }
  return phases;
}

}  // namespace treino::cpu
