// SPDX-License-Identifier: Apache-2.0
// Batches: windows of the epoch's order, rows of the tables, one-hot labels, dropout masks. Indices
// are cut to the table: a kernel never reads outside it.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "treino/backend/cpu/plan.h"

namespace treino::cpu {

namespace {

struct Window {
  const std::byte* table = nullptr;
  const std::int64_t* start = nullptr;
  std::byte* out = nullptr;
  Index rows = 0, count = 0;
  int element_bytes = 4;
};

void run_window(const void* opaque, Index, std::byte*) {
  const auto& state = *static_cast<const Window*>(opaque);
  const Index start =
      std::clamp<Index>(*state.start, 0, std::max<Index>(state.rows - state.count, 0));
  std::memcpy(state.out, state.table + start * state.element_bytes,
              static_cast<std::size_t>(std::min(state.count, state.rows) * state.element_bytes));
}

struct Gather {
  const std::byte* table = nullptr;
  const std::int32_t* indices = nullptr;
  std::byte* out = nullptr;
  Index table_rows = 0, rows = 0, row_bytes = 0, slices = 1;
};

void run_gather(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Gather*>(opaque);
  const Range range = share(state.rows, state.slices, slice);
  for (Index row = range.begin; row < range.end; ++row) {
    const Index from = std::clamp<Index>(state.indices[row], 0, state.table_rows - 1);
    std::memcpy(state.out + row * state.row_bytes, state.table + from * state.row_bytes,
                static_cast<std::size_t>(state.row_bytes));
  }
}

struct OneHot {
  const std::int32_t* labels = nullptr;
  float* out = nullptr;
  Index rows = 0, classes = 0;
};

void run_one_hot(const void* opaque, Index, std::byte*) {
  const auto& state = *static_cast<const OneHot*>(opaque);
  std::fill_n(state.out, state.rows * state.classes, 0.F);
  for (Index row = 0; row < state.rows; ++row) {
    const Index label = state.labels[row];
    if (label >= 0 && label < state.classes) state.out[row * state.classes + label] = 1;
  }
}

struct Dropout {
  const std::int64_t* seed = nullptr;
  const std::int64_t* position = nullptr;
  float* out = nullptr;
  const Kernels* kernels = nullptr;
  Index samples = 0, sample_elements = 0, slices = 1;
  std::uint32_t stream = 0;
  double rate = 0;
};

void run_dropout(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Dropout*>(opaque);
  const Range range = share(state.samples, state.slices, slice);
  const double threshold = state.rate * 4294967296.0;
  const auto keep = static_cast<float>(1 / (1 - state.rate));
  for (Index sample = range.begin; sample < range.end; ++sample) {
    // word < rate 2^32 for a whole word is word < the threshold rounded up.
    state.kernels->dropout(state.out + sample * state.sample_elements, 0, state.sample_elements,
                           state.stream, static_cast<std::uint64_t>(*state.position + sample),
                           static_cast<std::uint64_t>(*state.seed),
                           static_cast<std::uint32_t>(std::min(std::ceil(threshold), 4294967295.0)),
                           keep);
  }
}

}  // namespace

void plan_window(Planner& planner, const Step& step) {
  auto& state = planner.state<Window>();
  state.rows = step.inputs[0].type.shape[0];
  state.count = step.outputs[0].type.shape.elements();
  state.element_bytes = host_bytes(step.outputs[0].type.dtype);
  planner.point(state.table, step.inputs[0]);
  planner.point(state.start, step.inputs[1]);
  planner.point(state.out, step.outputs[0]);
  planner.phase(run_window, &state, 1,
                nanoseconds_of(0, 2.0 * static_cast<double>(state.count * state.element_bytes)));
}

void plan_gather_rows(Planner& planner, const Step& step) {
  auto& state = planner.state<Gather>();
  const Shape& table = step.inputs[0].type.shape;
  state.table_rows = table[0];
  state.rows = step.outputs[0].type.shape[0];
  state.row_bytes = table.sub(1, table.rank()).elements() * host_bytes(step.outputs[0].type.dtype);
  planner.point(state.table, step.inputs[0]);
  planner.point(state.indices, step.inputs[1]);
  planner.point(state.out, step.outputs[0]);
  // Rows lie anywhere in a table of many megabytes: memory latency beside the bytes.
  const double nanoseconds =
      nanoseconds_of(0, 4.0 * static_cast<double>(state.rows * state.row_bytes)) +
      20.0 * static_cast<double>(state.rows);
  state.slices = planner.row_slices(state.rows, nanoseconds);
  planner.phase(run_gather, &state, state.slices, nanoseconds, {state.rows, 2, 1});
}

void plan_one_hot(Planner& planner, const Step& step) {
  auto& state = planner.state<OneHot>();
  state.rows = step.outputs[0].type.shape[0];
  state.classes = step.outputs[0].type.shape[1];
  planner.point(state.labels, step.inputs[0]);
  planner.point(state.out, step.outputs[0]);
  planner.phase(run_one_hot, &state, 1,
                nanoseconds_of(0, 8.0 * static_cast<double>(state.rows * state.classes)));
}

void plan_dropout_mask(Planner& planner, const Step& step) {
  auto& state = planner.state<Dropout>();
  const auto& attributes = std::get<DropoutAttributes>(step.attributes);
  const Shape& shape = step.outputs[0].type.shape;
  state.kernels = &planner.kernels;
  state.samples = shape.rank() == 0 ? 1 : shape[0];
  state.sample_elements = shape.elements() / std::max<Index>(state.samples, 1);
  state.stream = attributes.stream;
  state.rate = attributes.rate;
  planner.point(state.seed, step.inputs[0]);
  planner.point(state.position, step.inputs[1]);
  planner.point(state.out, step.outputs[0]);
  const double nanoseconds = 0.4 * static_cast<double>(shape.elements()) + 50;
  state.slices = planner.row_slices(state.samples, nanoseconds);
  planner.phase(run_dropout, &state, state.slices, nanoseconds, {state.samples, 0, 1});
}

}  // namespace treino::cpu
