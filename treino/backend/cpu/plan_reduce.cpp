// SPDX-License-Identifier: Apache-2.0
// Sums and maxima over axes. Floats whose reduced axes lie together have vector kernels; everything
// else (other types, axes reduced in between) is walked element by element.
#include <algorithm>
#include <limits>

#include "treino/backend/cpu/plan.h"

namespace treino::cpu {

namespace {

// Neighbouring axes of one kind merged: extents, and whether each is reduced.
struct Folded {
  int rank = 0;
  Index extents[Shape::kMaxRank]{};
  bool reduced[Shape::kMaxRank]{};
};

Folded fold(const Shape& shape, const std::vector<int>& axes) {
  Folded folded;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const bool reduced = std::find(axes.begin(), axes.end(), axis) != axes.end();
    if (shape[axis] == 1) continue;
    if (folded.rank > 0 && folded.reduced[folded.rank - 1] == reduced) {
      folded.extents[folded.rank - 1] *= shape[axis];
      continue;
    }
    folded.extents[folded.rank] = shape[axis];
    folded.reduced[folded.rank++] = reduced;
  }
  return folded;
}

// [rows, columns] summed over rows. Slices take bands of rows; the bands' sums are added in order.
struct Columns {
  const float* x = nullptr;
  float* out = nullptr;
  double* parts = nullptr;  // [slices, columns of a folded row]
  const Kernels* kernels = nullptr;
  Index rows = 0, columns = 0, slices = 1;
  Index shared = 1, each = 1;  // slices share so many bands of so many folded rows
  Index fold = 1;              // narrow rows: this many of them are summed as one, side by side
};

void run_column_parts(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Columns*>(opaque);
  const Index width = state.columns * state.fold;
  const Range shared = share(state.shared, state.slices, slice);
  const Range range{shared.begin * state.each, shared.end * state.each};
  state.kernels->column_sums(state.parts + slice * width, state.x + range.begin * width, width,
                             range.end - range.begin, width);
}

void run_column_totals(const void* opaque, Index, std::byte*) {
  const auto& state = *static_cast<const Columns*>(opaque);
  const Index width = state.columns * state.fold;
  for (Index c = 0; c < state.columns; ++c) {
    double total = 0;
    for (Index slice = 0; slice < state.slices; ++slice) {
      for (Index k = 0; k < state.fold; ++k)
        total += state.parts[slice * width + k * state.columns + c];
    }
    for (Index row = state.rows / state.fold * state.fold; row < state.rows; ++row) {
      total += static_cast<double>(state.x[row * state.columns + c]);
    }
    state.out[c] = static_cast<float>(total);
  }
}

void plan_columns(Planner& planner, const Step& step, Index rows, Index columns) {
  auto& state = planner.state<Columns>();
  state.kernels = &planner.kernels;
  state.rows = rows;
  state.columns = columns;
  if (columns < 32) state.fold = std::clamp<Index>(64 / columns, 1, rows);
  const double nanoseconds = nanoseconds_of(0, 4.0 * static_cast<double>(rows * columns));
  Partition partition;
  const Index samples = step.inputs[0].type.shape[0];
  if (samples > 1 && rows % samples == 0 && rows / samples % state.fold == 0) {
    state.shared = samples;
    state.slices = planner.row_slices(samples, nanoseconds);
    partition = {samples, 1, 0};
  } else {
    state.shared = rows / state.fold;
    state.slices = slices_for(state.shared, nanoseconds, kRowSlices);
  }
  const Index part_bytes = columns * state.fold * static_cast<Index>(sizeof(*state.parts));
  state.slices = std::min(state.slices, copies_within(part_bytes));
  state.each = rows / state.fold / state.shared;
  planner.point(state.x, step.inputs[0]);
  planner.point(state.out, step.outputs[0]);
  planner.scratch(state.parts, state.slices * columns * state.fold);
  planner.phase(run_column_parts, &state, state.slices, nanoseconds, partition, {1, 0});
  planner.phase(run_column_totals, &state, 1,
                1.0 * static_cast<double>(columns * state.fold * state.slices) + 50);
}

// [rows, columns] reduced over columns.
struct Rows {
  const float* x = nullptr;
  float* out = nullptr;
  const Kernels* kernels = nullptr;
  Index rows = 0, columns = 0, slices = 1;
  bool maximum = false;
};

void run_rows(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Rows*>(opaque);
  const Range range = share(state.rows, state.slices, slice);
  for (Index row = range.begin; row < range.end; ++row) {
    const float* x = state.x + row * state.columns;
    state.out[row] = state.maximum ? state.kernels->largest(x, state.columns)
                                   : static_cast<float>(state.kernels->sum(x, state.columns));
  }
}

void plan_rows(Planner& planner, const Step& step, Index rows, Index columns) {
  auto& state = planner.state<Rows>();
  state.kernels = &planner.kernels;
  state.rows = rows;
  state.columns = columns;
  state.maximum = step.op == Op::reduce_max;
  planner.point(state.x, step.inputs[0]);
  planner.point(state.out, step.outputs[0]);
  const double nanoseconds = nanoseconds_of(0, 4.0 * static_cast<double>(rows * columns)) +
                             5.0 * static_cast<double>(rows);
  Partition partition;
  if (rows == step.inputs[0].type.shape[0] && rows == step.outputs[0].type.shape[0]) {
    state.slices = planner.short_row_slices(rows, nanoseconds);
    partition = {rows, 1, 1};
  } else {
    state.slices = slices_for(rows, nanoseconds);
  }
  planner.phase(run_rows, &state, state.slices, nanoseconds, partition);
}

// Everything to one number: bands summed as doubles, then added in order.
struct Whole {
  const float* x = nullptr;
  float* out = nullptr;
  double* parts = nullptr;
  const Kernels* kernels = nullptr;
  Index count = 0, slices = 1;
};

void run_whole_parts(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Whole*>(opaque);
  const Range range = share(state.count, state.slices, slice);
  state.parts[slice] = state.kernels->sum(state.x + range.begin, range.end - range.begin);
  if (state.slices == 1) *state.out = static_cast<float>(state.parts[0]);
}

void run_whole_total(const void* opaque, Index, std::byte*) {
  const auto& state = *static_cast<const Whole*>(opaque);
  double total = 0;
  for (Index slice = 0; slice < state.slices; ++slice) total += state.parts[slice];
  *state.out = static_cast<float>(total);
}

void plan_whole(Planner& planner, const Step& step, Index count) {
  auto& state = planner.state<Whole>();
  state.kernels = &planner.kernels;
  state.count = count;
  const double nanoseconds = nanoseconds_of(0, 4.0 * static_cast<double>(count));
  state.slices = slices_for(count / 64, nanoseconds, 16);
  planner.point(state.x, step.inputs[0]);
  planner.point(state.out, step.outputs[0]);
  planner.scratch(state.parts, state.slices);
  planner.phase(run_whole_parts, &state, state.slices, nanoseconds);
  if (state.slices > 1) planner.phase(run_whole_total, &state, 1, 50);
}

// Any type, any axes.
struct Walked {
  const std::byte* x = nullptr;
  std::byte* out = nullptr;
  DType dtype = DType::f32;
  bool maximum = false;
  Index outputs = 0, inner = 0, slices = 1;
  Folded kept, gone;  // extents of each kind, in order
  Index kept_strides[Shape::kMaxRank]{}, gone_strides[Shape::kMaxRank]{};
};

Index offset_of(const Folded& axes, const Index* strides, Index number) {
  Index offset = 0;
  for (int axis = axes.rank - 1; axis >= 0; --axis) {
    offset += number % axes.extents[axis] * strides[axis];
    number /= axes.extents[axis];
  }
  return offset;
}

template <typename T, typename Sum>
void walk_as(const Walked& state, Range range) {
  const T* x = reinterpret_cast<const T*>(state.x);
  T* out = reinterpret_cast<T*>(state.out);
  for (Index i = range.begin; i < range.end; ++i) {
    const T* from = x + offset_of(state.kept, state.kept_strides, i);
    Sum sum = 0;
    T largest = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                     : std::numeric_limits<T>::lowest();
    for (Index k = 0; k < state.inner; ++k) {
      const T value = from[offset_of(state.gone, state.gone_strides, k)];
      sum += static_cast<Sum>(value);
      largest = std::max(largest, value);
    }
    out[i] = state.maximum ? largest : static_cast<T>(sum);
  }
}

void run_walked(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Walked*>(opaque);
  const Range range = share(state.outputs, state.slices, slice);
  switch (state.dtype) {
    case DType::f32:
      return walk_as<float, double>(state, range);
    case DType::f64:
      return walk_as<double, double>(state, range);
    case DType::u8:
      return walk_as<std::uint8_t, std::int64_t>(state, range);
    case DType::i32:
      return walk_as<std::int32_t, std::int64_t>(state, range);
    case DType::i64:
      return walk_as<std::int64_t, std::int64_t>(state, range);
  }
}

void plan_walked(Planner& planner, const Step& step, const Folded& folded) {
  auto& state = planner.state<Walked>();
  state.dtype = step.inputs[0].type.dtype;
  state.maximum = step.op == Op::reduce_max;
  state.outputs = state.inner = 1;
  Index strides[Shape::kMaxRank], stride = 1;
  for (int axis = folded.rank - 1; axis >= 0; --axis)
    strides[axis] = stride, stride *= folded.extents[axis];
  for (int axis = 0; axis < folded.rank; ++axis) {
    Folded& kind = folded.reduced[axis] ? state.gone : state.kept;
    (folded.reduced[axis] ? state.gone_strides : state.kept_strides)[kind.rank] = strides[axis];
    kind.extents[kind.rank++] = folded.extents[axis];
    (folded.reduced[axis] ? state.inner : state.outputs) *= folded.extents[axis];
  }
  planner.point(state.x, step.inputs[0]);
  planner.point(state.out, step.outputs[0]);
  const double nanoseconds = 3.0 * static_cast<double>(state.outputs * state.inner) + 50;
  state.slices = slices_for(state.outputs, nanoseconds);
  planner.phase(run_walked, &state, state.slices, nanoseconds);
}

struct Argmax {
  const std::byte* x = nullptr;
  std::int32_t* out = nullptr;
  DType dtype = DType::f32;
  Index rows = 0, columns = 0, slices = 1;
};

template <typename T>
void argmax_as(const Argmax& state, Range range) {
  const T* x = reinterpret_cast<const T*>(state.x);
  for (Index row = range.begin; row < range.end; ++row) {
    const T* from = x + row * state.columns;
    state.out[row] = static_cast<std::int32_t>(std::max_element(from, from + state.columns) - from);
  }
}

void run_argmax(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Argmax*>(opaque);
  const Range range = share(state.rows, state.slices, slice);
  switch (state.dtype) {
    case DType::f32:
      return argmax_as<float>(state, range);
    case DType::f64:
      return argmax_as<double>(state, range);
    case DType::u8:
      return argmax_as<std::uint8_t>(state, range);
    case DType::i32:
      return argmax_as<std::int32_t>(state, range);
    case DType::i64:
      return argmax_as<std::int64_t>(state, range);
  }
}

}  // namespace

void plan_reduce(Planner& planner, const Step& step) {
  const Folded folded =
      fold(step.inputs[0].type.shape, std::get<AxesAttributes>(step.attributes).axes);
  const bool f32 = step.inputs[0].type.dtype == DType::f32, sum = step.op == Op::reduce_sum;
  if (f32 && sum && folded.rank == 1 && folded.reduced[0]) {
    plan_whole(planner, step, folded.extents[0]);
  } else if (f32 && sum && folded.rank == 2 && folded.reduced[0]) {
    plan_columns(planner, step, folded.extents[0], folded.extents[1]);
  } else if (f32 && folded.rank == 2 && folded.reduced[1]) {
    plan_rows(planner, step, folded.extents[0], folded.extents[1]);
  } else {
    plan_walked(planner, step, folded);
  }
}

void plan_argmax(Planner& planner, const Step& step) {
  auto& state = planner.state<Argmax>();
  state.dtype = step.inputs[0].type.dtype;
  state.columns = step.inputs[0].type.shape.back();
  state.rows = step.outputs[0].type.shape.elements();
  planner.point(state.x, step.inputs[0]);
  planner.point(state.out, step.outputs[0]);
  const double nanoseconds = 1.0 * static_cast<double>(state.rows * state.columns) + 50;
  state.slices = slices_for(state.rows, nanoseconds);
  planner.phase(run_argmax, &state, state.slices, nanoseconds);
}

}  // namespace treino::cpu
