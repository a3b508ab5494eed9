// SPDX-License-Identifier: Apache-2.0
// conv2d and its gradient with respect to the input. The latter is a convolution too: of dy, spread
// out by the stride, with the kernel turned around and its channels swapped.
#include <algorithm>

#include "treino/backend/cpu/conv.h"
#include "treino/backend/cpu/winograd.h"
#include "treino/base/error.h"

namespace treino::cpu {

namespace {

const WindowAttributes& checked(const Step& step) {
  const auto& window = std::get<WindowAttributes>(step.attributes);
  if (step.inputs[0].type.dtype != DType::f32) {
    throw Error::mistake("the cpu device convolves f32 only: cast the input of " + step.scope);
  }
  if (window.activation != Op::cast && window.activation != Op::relu) {
    throw Error::mistake(
        "the cpu device applies no activation but relu in a convolution: compile for its own "
        "target");
  }
  return window;
}

// turned[kh-1-ky, kw-1-kx, o, g in + i] = kernel[ky, kx, i, g out + o], for in and out of a group.
struct TurnKernel {
  const float* kernel = nullptr;
  float* turned = nullptr;
  const Kernels* kernels = nullptr;
  Index taps = 0, in_group = 0, out_group = 0, groups = 1, slices = 1;
};

void run_turn_kernel(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const TurnKernel*>(opaque);
  const Range range = share(state.taps, state.slices, slice);
  const Index in = state.in_group * state.groups, out = state.out_group * state.groups;
  for (Index tap = range.begin; tap < range.end; ++tap) {
    const float* from = state.kernel + tap * state.in_group * out;
    float* to = state.turned + (state.taps - 1 - tap) * state.out_group * in;
    for (Index group = 0; group < state.groups; ++group) {
      state.kernels->transpose(to + group * state.in_group, in, from + group * state.out_group, out,
                               state.in_group, state.out_group);
    }
  }
}

}  // namespace

void plan_conv2d(Planner& planner, const Step& step) {
  const WindowAttributes& window = checked(step);
  if (plan_onednn(planner, step) || plan_winograd(planner, step)) return;
  auto& state = planner.state<Convolution>();
  state.batch = window.input[0];
  state.in_channels = window.input[3];
  state.out_channels = window.kernel[3];
  state.out_height = window.output_extent(0);
  state.out_width = window.output_extent(1);
  state.groups = window.groups;
  state.relu = window.activation == Op::relu;
  state.height = window.input[1];
  state.width = window.input[2];
  state.vertical = forward_taps(state.height, state.out_height, window.size[0], window.stride[0],
                                window.dilation[0], window.pad_before[0]);
  state.horizontal = forward_taps(state.width, state.out_width, window.size[1], window.stride[1],
                                  window.dilation[1], window.pad_before[1]);
  state.padding.height = window.input[1];
  state.padding.width = window.input[2];
  state.padding.channels = window.input[3];
  // Padding of less than nothing is what nobody reads.
  state.padding.padded_height =
      window.input[1] + window.pad_before[0] + std::max<Index>(window.pad_after[0], 0);
  state.padding.padded_width =
      window.input[2] + window.pad_before[1] + std::max<Index>(window.pad_after[1], 0);
  for (std::size_t d = 0; d < 2; ++d) {
    state.size[d] = window.size[d];
    state.stride[d] = window.stride[d];
    state.dilation[d] = window.dilation[d];
    state.padding.offset[d] = window.pad_before[d];
  }
  planner.point(state.x, step.inputs[0]);
  planner.point(state.kernel, step.inputs[1]);
  if (step.inputs.size() > 2) planner.point(state.bias, step.inputs[2]);
  planner.point(state.y, step.outputs[0]);
  prepare_convolution(planner, state);
}

void plan_conv2d_grad_input(Planner& planner, const Step& step) {
  const WindowAttributes& window = checked(step);
  if (plan_onednn(planner, step) || plan_winograd(planner, step)) return;
  auto& turn = planner.state<TurnKernel>();
  turn.kernels = &planner.kernels;
  turn.taps = window.size[0] * window.size[1];
  turn.groups = window.groups;
  turn.in_group = window.input[3] / window.groups;
  turn.out_group = window.kernel[3] / window.groups;
  const double kernel_elements = static_cast<double>(window.kernel.elements());
  turn.slices = slices_for(turn.taps, nanoseconds_of(0, 16 * kernel_elements));
  planner.point(turn.kernel, step.inputs[1]);

  auto& state = planner.state<Convolution>();
  planner.scratch(turn.turned, window.kernel.elements());
  planner.prepare(run_turn_kernel, &turn, turn.slices, nanoseconds_of(0, 16 * kernel_elements), 2);

  state.batch = window.input[0];
  state.in_channels = window.kernel[3];
  state.out_channels = window.input[3];
  state.out_height = window.input[1];
  state.out_width = window.input[2];
  state.groups = window.groups;
  state.height = state.padding.height = window.output_extent(0);
  state.width = state.padding.width = window.output_extent(1);
  state.vertical = backward_taps(state.height, state.out_height, window.size[0], window.stride[0],
                                 window.dilation[0], window.pad_before[0]);
  state.horizontal = backward_taps(state.width, state.out_width, window.size[1], window.stride[1],
                                   window.dilation[1], window.pad_before[1]);
  state.padding.channels = window.kernel[3];
  Index* padded[] = {&state.padding.padded_height, &state.padding.padded_width};
  for (std::size_t d = 0; d < 2; ++d) {
    const Index reach = (window.size[d] - 1) * window.dilation[d];
    state.size[d] = window.size[d];
    state.dilation[d] = window.dilation[d];
    state.padding.step[d] = window.stride[d];
    state.padding.offset[d] = reach - window.pad_before[d];
    *padded[d] = window.input[static_cast<int>(d) + 1] + reach;
  }
  planner.point(state.x, step.inputs[0]);
  planner.same_scratch(state.kernel, turn.turned);
  planner.point(state.y, step.outputs[0]);
  prepare_convolution(planner, state);
}

}  // namespace treino::cpu
