// SPDX-License-Identifier: Apache-2.0
// Convolutions served by oneDNN: the kernel is laid out anew each step (it changes each step),
// slices of the batch are executed side by side, and a kernel's gradient is summed over slices in
// order.
#include <algorithm>

#include "treino/backend/cpu/onednn_bridge.h"
#include "treino/backend/cpu/plan.h"

namespace treino::cpu {

namespace {

using onednn::Direction;

struct State {
  std::unique_ptr<onednn::Convolution> convolution;
  const Kernels* kernels = nullptr;
  const float *a = nullptr, *b = nullptr, *bias = nullptr;  // inputs of the step
  float *out = nullptr, *inner = nullptr, *copies = nullptr;
  Direction direction = Direction::forward;
  Index batch = 0, slices = 1, sum_slices = 1, a_sample = 0, b_sample = 0, out_sample = 0,
        inner_floats = 0;
};

void run_to_inner(const void* opaque, Index, std::byte*) {
  const auto& state = *static_cast<const State*>(opaque);
  state.convolution->to_inner(state.b, state.inner);
}

void run_slice(const void* opaque, Index slice, std::byte* scratch) {
  const auto& state = *static_cast<const State*>(opaque);
  const Index first = share(state.batch, state.slices, slice).begin;
  const bool gradient = state.direction == Direction::grad_kernel;
  state.convolution->run(
      slice, state.a + first * state.a_sample,
      gradient ? state.b + first * state.b_sample : state.inner, state.bias,
      gradient ? state.copies + slice * state.inner_floats : state.out + first * state.out_sample,
      scratch);
}

void run_sum(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const State*>(opaque);
  const Range range = share(state.inner_floats, state.sum_slices, slice);
  state.kernels->add_rows(state.inner + range.begin, state.copies + range.begin, state.inner_floats,
                          state.slices, range.end - range.begin);
}

void run_from_inner(const void* opaque, Index, std::byte*) {
  const auto& state = *static_cast<const State*>(opaque);
  state.convolution->from_inner(state.inner, state.out);
}

}  // namespace

// Measured with treino_bench_ops on Zen 4 (oneDNN 2.6.3, AVX-512 and AVX2): own kernels are as fast
// or faster except here.
bool onednn_is_best(const Kernels& kernels, Op op, const WindowAttributes& window) {
  if (kernels.name == "portable") return true;
  const Index channels = window.input[3], in_group = channels / window.groups;
  const bool depthwise =
      window.groups > 1 && window.groups == channels && window.kernel[3] == channels;
  if (depthwise) return true;  // a third of the time
  // Few columns leave the own kernel's tiles half empty.
  return op == Op::conv2d_grad_input && in_group >= 4 && in_group < 16;
}

bool plan_onednn(Planner& planner, const Step& step) {
  const auto& window = std::get<WindowAttributes>(step.attributes);
  const Direction direction = step.op == Op::conv2d              ? Direction::forward
                              : step.op == Op::conv2d_grad_input ? Direction::grad_input
                                                                 : Direction::grad_kernel;
  const Convolutions wanted = planner.convolutions();
  if (!planner.onednn() || (wanted != Convolutions::by_table && wanted != Convolutions::onednn))
    return false;
  if (wanted == Convolutions::by_table && !onednn_is_best(planner.kernels, step.op, window))
    return false;

  const Index pixels = window.output_extent(0) * window.output_extent(1),
              filters = window.kernel[3];
  const double work =
      static_cast<double>(window.input[0] * pixels) * static_cast<double>(window.kernel.elements());
  const double nanoseconds = nanoseconds_of(
      work,
      4.0 * static_cast<double>(window.input.elements() + window.input[0] * pixels * filters));
  Index slices = planner.row_slices(window.input[0], nanoseconds);
  if (direction == Direction::grad_kernel) slices = std::min(slices, kRowSlices);
  if (direction == Direction::grad_kernel && window.kernel.elements() * 4 * slices > kPartialBytes)
    return false;
  auto convolution = onednn::make_convolution(direction, window, step.inputs.size() > 2, slices);
  if (convolution == nullptr) return false;

  auto& state = planner.state<State>();
  state.convolution = std::move(convolution);
  state.kernels = &planner.kernels;
  state.direction = direction;
  state.batch = window.input[0];
  state.slices = slices;
  state.inner_floats = (state.convolution->inner_floats() + 15) / 16 * 16;
  const Index x_sample = window.input.elements() / state.batch, y_sample = pixels * filters;
  state.a_sample = direction == Direction::grad_input ? y_sample : x_sample;
  state.b_sample = y_sample;
  state.out_sample = direction == Direction::grad_input ? x_sample : y_sample;
  planner.point(state.a, step.inputs[0]);
  planner.point(state.b, step.inputs[1]);
  if (step.inputs.size() > 2) planner.point(state.bias, step.inputs[2]);
  planner.point(state.out, step.outputs[0]);
  planner.scratch(state.inner, state.inner_floats);
  planner.worker_scratch(state.convolution->scratch_bytes());
  planner.choose("oneDNN " + state.convolution->implementation(), Convolutions::onednn);

  const double kernel_bytes = 4.0 * static_cast<double>(state.inner_floats);
  if (direction != Direction::grad_kernel) {
    planner.phase(run_to_inner, &state, 1, nanoseconds_of(0, 8 * kernel_bytes), {}, {2, 0});
    planner.phase(run_slice, &state, slices, nanoseconds, {state.batch, 1, 1}, {5, 1});
    return true;
  }
  planner.scratch(state.copies, state.inner_floats * slices);
  planner.phase(run_slice, &state, slices, nanoseconds, {state.batch, 3, 0}, {3, 0});
  const double copied = kernel_bytes * static_cast<double>(slices);
  state.sum_slices = slices_for(state.inner_floats / 64, nanoseconds_of(0, copied));
  planner.phase(run_sum, &state, state.sum_slices, nanoseconds_of(0, copied), {}, {0, 0});
  planner.phase(run_from_inner, &state, 1, nanoseconds_of(0, 8 * kernel_bytes), {}, {0, 1});
  return true;
}

}  // namespace treino::cpu
