// SPDX-License-Identifier: Apache-2.0
// Batch norm under max pooling. Forward: one pass over x for sums and raw pooled values, one over
// the pooled values for the norm. Backward: dy is zero but at the chosen elements, so the sums need
// the pooled tensors only; then one pass over x (see kernels/norm_pool.cpp).
#include "treino/backend/cpu/norm.h"
#include "treino/backend/cpu/pool_image.h"

namespace treino::cpu {

namespace {

struct NormPool {
  Norm norm;                  // of all rows; out, dy: the pooled tensors
  NormPoolImage image;        // the first one
  double* dx_sums = nullptr;  // [slices, channels]
  float* dsum = nullptr;
};

Index pooled_floats(const NormPool& state) {
  const PoolImage& w = state.image.pool;
  return w.out_height * w.out_width * w.channels;
}

void run_pool_and_sums(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const NormPool*>(opaque);
  const Range samples = share(state.norm.samples, state.norm.slices, slice);
  NormPoolImage image = state.image;
  const Index large = image.pool.height * image.pool.width * image.pool.channels;
  image.sums = state.norm.parts + slice * 2 * state.norm.channels;
  std::fill_n(image.sums, 2 * state.norm.channels, 0.0);
  image.gamma = state.norm.gamma;
  image.pivot = state.norm.x + samples.begin * large;  // as run_statistics takes it
  for (Index n = samples.begin; n < samples.end; ++n) {
    image.pool.x = state.norm.x + n * large;
    image.pool.out = state.image.pool.out + n * pooled_floats(state);
    state.norm.kernels->norm_pool(image);
  }
}

// Rows of the pooled tensors that belong to a slice.
NormColumns pooled_columns(const NormPool& state, Index slice) {
  const Range samples = share(state.norm.samples, state.norm.slices, slice);
  const Index first = samples.begin * pooled_floats(state);
  NormColumns columns;
  columns.channels = state.norm.channels;
  columns.rows = (samples.end - samples.begin) * pooled_floats(state) / columns.channels;
  columns.scale = state.norm.scale;
  columns.shift = state.norm.shift;
  columns.sums = state.norm.parts + slice * 2 * columns.channels;
  columns.pivot = state.norm.given_mean;
  const float* chosen = state.image.pool.y != nullptr ? state.image.pool.y : state.image.pool.out;
  columns.x = chosen + first;
  if (state.norm.dy != nullptr) columns.dy = state.norm.dy + first;
  if (state.norm.out != nullptr) columns.out = state.norm.out + first;
  return columns;
}

void run_apply(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const NormPool*>(opaque);
  state.norm.kernels->norm_apply(pooled_columns(state, slice));
}

void run_pooled_sums(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const NormPool*>(opaque);
  state.norm.kernels->norm_grad_sums(pooled_columns(state, slice));
}

void run_gradient(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const NormPool*>(opaque);
  const Range samples = share(state.norm.samples, state.norm.slices, slice);
  NormPoolImage image = state.image;
  const Index large = image.pool.height * image.pool.width * image.pool.channels;
  image.scale = state.norm.scale;
  image.slope = state.norm.slope;
  image.shift = state.norm.shift;
  image.sums = state.dx_sums + slice * state.norm.channels;
  std::fill_n(image.sums, state.norm.channels, 0.0);
  for (Index n = samples.begin; n < samples.end; ++n) {
    image.pool.x = state.norm.x + n * large;
    image.pool.y = state.image.pool.y + n * pooled_floats(state);
    image.pool.dy = state.norm.dy + n * pooled_floats(state);
    image.pool.out = state.image.pool.out + n * large;
    state.norm.kernels->norm_pool_grad(image);
  }
}

void run_dx_totals(const void* opaque, Index, std::byte*) {
  const auto& state = *static_cast<const NormPool*>(opaque);
  for (Index c = 0; c < state.norm.channels; ++c) {
    double total = 0;
    for (Index slice = 0; slice < state.norm.slices; ++slice)
      total += state.dx_sums[slice * state.norm.channels + c];
    state.dsum[c] = static_cast<float>(total);
  }
}

NormPool& prepare(Planner& planner, const Step& step, const Tensor& x) {
  const auto& attributes = std::get<NormPoolAttributes>(step.attributes);
  const WindowAttributes& window = attributes.window;
  auto& state = planner.state<NormPool>();
  state.image.pool = pool_image(window);
  state.image.relu = window.activation == Op::relu;
  prepare_norm(planner, x, attributes.epsilon, state.norm);
  return state;
}

}  // namespace

void plan_batch_norm_pool(Planner& planner, const Step& step) {
  NormPool& state = prepare(planner, step, step.inputs[0]);
  planner.point(state.norm.gamma, step.inputs[1]);
  planner.point(state.norm.beta, step.inputs[2]);
  planner.point(state.norm.out, step.outputs[0]);
  planner.point(state.norm.mean, step.outputs[1]);
  planner.point(state.norm.variance, step.outputs[2]);
  planner.point(state.image.pool.out, step.outputs[3]);
  const Index slices = state.norm.slices;
  const double pooled = 4.0 * static_cast<double>(step.outputs[0].type.shape.elements());
  planner.phase(run_pool_and_sums, &state, slices, nanoseconds_of(0, 1.5 * state.norm.bytes()),
                {state.norm.samples, 1, 8}, {3, 8});
  planner.phase(run_statistics, &state.norm, 1, state.norm.short_nanoseconds(), {}, {7, 6});
  planner.phase(run_apply, &state, slices, nanoseconds_of(0, 2 * pooled),
                {state.norm.samples, 0, 9}, {0, 9});
}

void plan_batch_norm_pool_grad(Planner& planner, const Step& step) {
  NormPool& state = prepare(planner, step, step.inputs[1]);
  planner.point(state.norm.dy, step.inputs[0]);
  planner.point(state.image.pool.y, step.inputs[2]);
  planner.point(state.norm.gamma, step.inputs[3]);
  planner.point(state.norm.given_mean, step.inputs[4]);
  planner.point(state.norm.given_variance, step.inputs[5]);
  planner.point(state.image.pool.out, step.outputs[0]);
  planner.point(state.norm.dgamma, step.outputs[1]);
  planner.point(state.norm.dbeta, step.outputs[2]);
  planner.point(state.dsum, step.outputs[3]);
  planner.scratch(state.dx_sums, state.norm.slices * state.norm.channels);
  const Index slices = state.norm.slices;
  const double pooled = 4.0 * static_cast<double>(step.inputs[0].type.shape.elements());
  planner.phase(run_pooled_sums, &state, slices, nanoseconds_of(0, 2 * pooled),
                {state.norm.samples, 5, 0}, {21, 0});
  planner.phase(run_gradient_coefficients, &state.norm, 1, state.norm.short_nanoseconds(), {},
                {56, 6});
  planner.phase(run_gradient, &state, slices, nanoseconds_of(0, 2.5 * state.norm.bytes()),
                {state.norm.samples, 7, 1}, {7, 1});
  planner.phase(run_dx_totals, &state, 1, state.norm.short_nanoseconds(), {}, {0, 8});
}

}  // namespace treino::cpu
