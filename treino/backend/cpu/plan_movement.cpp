// SPDX-License-Identifier: Apache-2.0
// Copies, constants and transposes.
#include <cstring>

#include "treino/backend/cpu/pattern.h"
#include "treino/backend/cpu/plan.h"
#include "treino/runtime/tensor_bytes.h"

namespace treino::cpu {

namespace {

struct Copy {
  const std::byte* from = nullptr;
  std::byte* to = nullptr;
  Index bytes = 0, slices = 1;
};

void run_copy(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Copy*>(opaque);
  const Range range = share(state.bytes, state.slices, slice);
  if (state.from + range.begin == state.to + range.begin || range.end == range.begin) return;
  std::memcpy(state.to + range.begin, state.from + range.begin,
              static_cast<std::size_t>(range.end - range.begin));
}

struct Fill {
  std::byte* to = nullptr;
  double value = 0;
  DType dtype = DType::f32;
  Index elements = 0, slices = 1;
};

template <typename T>
void fill_with(const Fill& state, Range range) {
  T* to = reinterpret_cast<T*>(state.to);
  std::fill(to + range.begin, to + range.end, static_cast<T>(state.value));
}

void run_fill(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Fill*>(opaque);
  const Range range = share(state.elements, state.slices, slice);
  switch (state.dtype) {
    case DType::f32:
      return fill_with<float>(state, range);
    case DType::f64:
      return fill_with<double>(state, range);
    case DType::u8:
      return fill_with<std::uint8_t>(state, range);
    case DType::i32:
      return fill_with<std::int32_t>(state, range);
    case DType::i64:
      return fill_with<std::int64_t>(state, range);
  }
}

struct Transpose {
  const std::byte* from = nullptr;
  std::byte* to = nullptr;
  Pattern pattern;
  Index elements = 0, slices = 1;
  int element_bytes = 4;
};

void run_transpose(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Transpose*>(opaque);
  const Range range = share(state.elements, state.slices, slice);
  walk(state.pattern, state.from, range.begin, range.end - range.begin, state.element_bytes,
       state.to + range.begin * state.element_bytes);
}

struct MatrixTranspose {  // of floats, by bands of output rows
  const float* from = nullptr;
  float* to = nullptr;
  Index rows = 0, columns = 0, slices = 1;  // of the input
  const Kernels* kernels = nullptr;
};

void run_matrix_transpose(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const MatrixTranspose*>(opaque);
  const Range range = share(state.columns, state.slices, slice);
  state.kernels->transpose(state.to + range.begin * state.rows, state.rows,
                           state.from + range.begin, state.columns, state.rows,
                           range.end - range.begin);
}

}  // namespace

void plan_copy(Planner& planner, const Step& step) {
  const Tensor& to = step.outputs[0];
  auto& state = planner.state<Copy>();
  state.bytes = bytes_of(to);
  planner.point(state.from, step.inputs.back());
  planner.point(state.to, to);
  const double nanoseconds = nanoseconds_of(0, 2.0 * static_cast<double>(state.bytes));
  state.slices = slices_for(state.bytes, nanoseconds);
  planner.phase(run_copy, &state, state.slices, nanoseconds);
}

void plan_constant(Planner& planner, const Step& step) {
  const Tensor& to = step.outputs[0];
  auto& state = planner.state<Fill>();
  state.value = std::get<ConstantAttributes>(step.attributes).value;
  state.dtype = to.type.dtype;
  state.elements = to.type.shape.elements();
  planner.point(state.to, to);
  const double nanoseconds = nanoseconds_of(0, static_cast<double>(bytes_of(to)));
  state.slices = slices_for(state.elements, nanoseconds);
  planner.phase(run_fill, &state, state.slices, nanoseconds);
}

void plan_transpose(Planner& planner, const Step& step) {
  const Tensor &from = step.inputs[0], &to = step.outputs[0];
  const auto& axes = std::get<AxesAttributes>(step.attributes).axes;
  const Pattern pattern = transpose_pattern(from.type.shape, axes.data());
  const double nanoseconds = nanoseconds_of(0, 4.0 * static_cast<double>(bytes_of(to)));
  if (from.type.dtype == DType::f32 && pattern.rank == 2 && pattern.strides[0] == 1) {
    auto& state = planner.state<MatrixTranspose>();
    state.kernels = &planner.kernels;
    state.rows = pattern.extents[1];
    state.columns = pattern.extents[0];
    planner.point(state.from, from);
    planner.point(state.to, to);
    state.slices = slices_for(state.columns, nanoseconds);
    planner.phase(run_matrix_transpose, &state, state.slices, nanoseconds);
    return;
  }
  auto& state = planner.state<Transpose>();
  state.pattern = pattern;
  state.elements = to.type.shape.elements();
  state.element_bytes = host_bytes(to.type.dtype);
  planner.point(state.from, from);
  planner.point(state.to, to);
  state.slices = slices_for(state.elements, nanoseconds);
  planner.phase(run_transpose, &state, state.slices, nanoseconds);
}

}  // namespace treino::cpu
