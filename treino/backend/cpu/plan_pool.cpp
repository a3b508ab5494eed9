// SPDX-License-Identifier: Apache-2.0
// Pooling and softmax: images and rows are independent, a slice takes some of them.
#include "treino/backend/cpu/plan.h"
#include "treino/backend/cpu/pool_image.h"
#include "treino/base/error.h"

namespace treino::cpu {

namespace {

constexpr Index kFewImages = 8;

struct Pool {
  PoolImage image;  // the first one
  void (*run)(const PoolImage&) = nullptr;
  Index batch = 0, slices = 1;
};

// Some rows of y: where there are few images.
void run_pool_rows(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Pool*>(opaque);
  const Index height = state.image.out_height;
  const Range rows = share(state.batch * height, state.slices, slice);
  for (Index row = rows.begin; row < rows.end;) {
    const Index n = row / height;
    PoolImage image = state.image;
    image.x += n * image.height * image.width * image.channels;
    image.out += n * height * image.out_width * image.channels;
    image.first_row = row - n * height;
    image.out_height = std::min(height, rows.end - n * height);
    row = n * height + image.out_height;
    state.run(image);
  }
}

void run_pool(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Pool*>(opaque);
  const Range range = share(state.batch, state.slices, slice);
  const Index large = state.image.height * state.image.width * state.image.channels;
  const Index small = state.image.out_height * state.image.out_width * state.image.channels;
  const bool backward = state.image.dy != nullptr;
  for (Index n = range.begin; n < range.end; ++n) {
    PoolImage image = state.image;
    if (image.x != nullptr) image.x += n * large;
    if (image.y != nullptr) image.y += n * small;
    if (image.dy != nullptr) image.dy += n * small;
    image.out += n * (backward ? large : small);
    state.run(image);
  }
}

void take_rows(const void* opaque, Index n, Index first, Index end, const float* x) {
  const auto& state = *static_cast<const Pool*>(opaque);
  PoolImage image = state.image;
  image.x = x;
  image.out += n * image.out_height * image.out_width * image.channels;
  image.first_row = first;
  image.out_height = end;
  state.run(image);
}

struct SoftmaxRows {
  const float *x = nullptr, *targets = nullptr;
  float *out = nullptr, *loss = nullptr;
  const Kernels* kernels = nullptr;
  Index rows = 0, columns = 0, slices = 1;
};

void run_softmax(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const SoftmaxRows*>(opaque);
  const Range range = share(state.rows, state.slices, slice);
  const Index first = range.begin * state.columns;
  state.kernels->softmax(state.out + first, state.x + first, range.end - range.begin,
                         state.columns);
}

void run_cross_entropy(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const SoftmaxRows*>(opaque);
  const Range range = share(state.rows, state.slices, slice);
  const Index first = range.begin * state.columns;
  state.kernels->cross_entropy(state.loss + range.begin, state.out + first, state.x + first,
                               state.targets + first, range.end - range.begin, state.columns);
}

SoftmaxRows& prepare_rows(Planner& planner, const Step& step, double& nanoseconds) {
  const Shape& shape = step.inputs[0].type.shape;
  if (step.inputs[0].type.dtype != DType::f32 || shape.rank() == 0) {
    throw Error::mistake("the cpu device has softmax for f32 rows only: cast the input");
  }
  auto& state = planner.state<SoftmaxRows>();
  state.kernels = &planner.kernels;
  state.columns = shape.back();
  state.rows = shape.elements() / state.columns;
  planner.point(state.x, step.inputs[0]);
  const auto vectors = static_cast<double>(state.rows * ((state.columns + 15) / 16));
  nanoseconds = 25 * vectors + 50;
  state.slices = planner.short_row_slices(state.rows, nanoseconds);
  return state;
}

// Rows are samples where axis 0 is all there is beside the classes.
Partition partition_of(const SoftmaxRows& state, const Step& step) {
  if (step.inputs[0].type.shape[0] != state.rows) return {};
  return {state.rows, 3, 3};
}

}  // namespace

void plan_pool(Planner& planner, const Step& step) {
  if (step.inputs[0].type.dtype != DType::f32)
    throw Error::mistake("the cpu device pools f32 only: cast the input");
  const auto& window = std::get<WindowAttributes>(step.attributes);
  auto& state = planner.state<Pool>();
  state.batch = window.input[0];
  state.image = pool_image(window);
  PoolImage& image = state.image;
  switch (step.op) {
    case Op::max_pool:
    case Op::avg_pool:
      planner.point(image.x, step.inputs[0]);
      if (step.inputs.size() > 1) {
        planner.point(image.scale, step.inputs[1]);
        planner.point(image.shift, step.inputs[2]);
      }
      state.run = step.op == Op::max_pool ? planner.kernels.max_pool : planner.kernels.avg_pool;
      break;
    case Op::max_pool_grad:
      planner.point(image.dy, step.inputs[0]);
      planner.point(image.x, step.inputs[1]);
      planner.point(image.y, step.inputs[2]);
      state.run = planner.kernels.max_pool_grad;
      break;
    default:
      planner.point(image.dy, step.inputs[0]);
      state.run = planner.kernels.avg_pool_grad;
  }
  planner.point(image.out, step.outputs[0]);
  const auto taps =
      static_cast<double>(state.batch * image.out_height * image.out_width *
                          ((image.channels + 15) / 16) * image.size[0] * image.size[1]);
  const double nanoseconds =
      nanoseconds_of(0, 8.0 * static_cast<double>(window.input.elements())) + taps;
  if (state.batch < kFewImages && step.op == Op::max_pool) {
    state.slices = slices_for(state.batch * image.out_height, nanoseconds);
    planner.phase(run_pool_rows, &state, state.slices, nanoseconds);
    return;
  }
  state.slices = planner.row_slices(state.batch, nanoseconds);
  // Scale and shift, where max_pool has them, are whole to every slice.
  const unsigned rows = step.op == Op::max_pool ? 1 : 7;
  planner.phase(run_pool, &state, state.slices, nanoseconds, {state.batch, rows, 1});
  if (step.op == Op::max_pool && window.tiles_input())
    planner.takes_rows({take_rows, window.size[0], image.out_height});
}

void plan_softmax(Planner& planner, const Step& step) {
  double nanoseconds = 0;
  SoftmaxRows& state = prepare_rows(planner, step, nanoseconds);
  planner.point(state.out, step.outputs[0]);
  planner.phase(run_softmax, &state, state.slices, nanoseconds, partition_of(state, step));
}

void plan_cross_entropy(Planner& planner, const Step& step) {
  double nanoseconds = 0;
  SoftmaxRows& state = prepare_rows(planner, step, nanoseconds);
  planner.point(state.targets, step.inputs[1]);
  planner.point(state.loss, step.outputs[0]);
  planner.point(state.out, step.outputs[1]);
  planner.phase(run_cross_entropy, &state, state.slices, nanoseconds, partition_of(state, step));
}

}  // namespace treino::cpu
