// SPDX-License-Identifier: Apache-2.0
// The gradient of a table by rows: entries are sorted by row first (stable, so that a row's sum
// runs in the order of the batch whatever the number of threads), then each slice sums its own
// rows.
#include <algorithm>
#include <utility>

#include "treino/backend/cpu/plan.h"

namespace treino::cpu {

namespace {

struct Scatter {
  const float* dy = nullptr;
  const std::int32_t* indices = nullptr;
  float* out = nullptr;
  std::int32_t* starts = nullptr;   // [table rows + 1]: where a row's entries begin in `entries`
  std::int32_t* entries = nullptr;  // [rows]: places in the batch, by row of the table
  Index table_rows = 0, rows = 0, width = 1, slices = 1;

  Index row_of(Index i) const { return std::clamp<Index>(indices[i], 0, table_rows - 1); }
};

// Counting sort.
void run_sort(const void* opaque, Index, std::byte*) {
  const auto& state = *static_cast<const Scatter*>(opaque);
  std::fill_n(state.starts, state.table_rows + 1, 0);
  for (Index i = 0; i < state.rows; ++i) ++state.starts[state.row_of(i)];
  std::int32_t sum = 0;
  for (Index row = 0; row <= state.table_rows; ++row) sum += std::exchange(state.starts[row], sum);
  for (Index i = 0; i < state.rows; ++i)
    state.entries[state.starts[state.row_of(i)]++] = static_cast<std::int32_t>(i);
  // Each start has moved to its row's end, the next row's start.
  for (Index row = state.table_rows; row > 0; --row) state.starts[row] = state.starts[row - 1];
  state.starts[0] = 0;
}

void run_sum(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Scatter*>(opaque);
  const Range range = share(state.table_rows, state.slices, slice);
  for (Index row = range.begin; row < range.end; ++row) {
    float* to = state.out + row * state.width;
    std::fill_n(to, state.width, 0.F);
    for (std::int32_t k = state.starts[row]; k < state.starts[row + 1]; ++k) {
      const float* from = state.dy + state.entries[k] * state.width;
      for (Index c = 0; c < state.width; ++c) to[c] += from[c];
    }
  }
}

}  // namespace

void plan_scatter_rows(Planner& planner, const Step& step) {
  auto& state = planner.state<Scatter>();
  const Shape& table = step.outputs[0].type.shape;
  state.table_rows = table[0];
  state.rows = step.inputs[1].type.shape[0];
  state.width = table.elements() / std::max<Index>(table[0], 1);
  planner.point(state.dy, step.inputs[0]);
  planner.point(state.indices, step.inputs[1]);
  planner.point(state.out, step.outputs[0]);
  planner.scratch(state.starts, state.table_rows + 1);
  planner.scratch(state.entries, state.rows);
  planner.phase(run_sort, &state, 1, 2.0 * static_cast<double>(state.table_rows + 3 * state.rows),
                {}, {.inputs = 2, .outputs = 0});
  const double nanoseconds = nanoseconds_of(
      0, 4.0 * static_cast<double>((state.table_rows + 2 * state.rows) * state.width));
  state.slices = planner.row_slices(state.table_rows, nanoseconds);
  planner.phase(run_sum, &state, state.slices, nanoseconds, {state.table_rows, 0, 1});
}

}  // namespace treino::cpu
