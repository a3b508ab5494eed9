// SPDX-License-Identifier: Apache-2.0
// Batch norm over [rows, channels]: sums by bands of rows, combined in double in the order of the
// bands, then one affine pass.
#include "treino/backend/cpu/norm.h"

#include <cmath>

#include "treino/base/error.h"

namespace treino::cpu {

namespace {

double total(const Norm& state, int which, Index channel) {
  double sum = 0;
  for (Index slice = 0; slice < state.slices; ++slice)
    sum += state.parts[(slice * 2 + which) * state.channels + channel];
  return sum;
}

}  // namespace

void run_statistics(const void* opaque, Index, std::byte*) {
  const auto& state = *static_cast<const Norm*>(opaque);
  const auto n = static_cast<double>(state.rows);
  for (Index c = 0; c < state.channels; ++c) {
    // Slice s summed x - p and its square over n_s rows, p its own pivot.
    const Index each = state.rows / state.samples;
    double sum = 0, squares = 0;
    for (Index slice = 0; slice < state.slices; ++slice) {
      const Range samples = share(state.samples, state.slices, slice);
      const double pivot = static_cast<double>(state.x[samples.begin * each * state.channels + c]);
      sum += state.parts[slice * 2 * state.channels + c] +
             static_cast<double>((samples.end - samples.begin) * each) * pivot;
    }
    const double mean = sum / n;
    for (Index slice = 0; slice < state.slices; ++slice) {
      const Range samples = share(state.samples, state.slices, slice);
      const double shift =
          mean - static_cast<double>(state.x[samples.begin * each * state.channels + c]);
      squares += state.parts[(slice * 2 + 1) * state.channels + c] -
                 2 * shift * state.parts[slice * 2 * state.channels + c] +
                 static_cast<double>((samples.end - samples.begin) * each) * shift * shift;
    }
    const double variance = std::max(squares / n, 0.0);
    const double scale = static_cast<double>(state.gamma[c]) / std::sqrt(variance + state.epsilon);
    state.mean[c] = static_cast<float>(mean);
    state.variance[c] = static_cast<float>(variance);
    state.scale[c] = static_cast<float>(scale);
    state.shift[c] = static_cast<float>(static_cast<double>(state.beta[c]) - mean * scale);
  }
}

// With r = 1 / sqrt(var + e), S1 = sum dy, S2 = sum dy (x - mean):
// dx = gamma r (dy - S1 / n - (x - mean) r^2 S2 / n), an affine function of dy and x.
void run_gradient_coefficients(const void* opaque, Index, std::byte*) {
  const auto& state = *static_cast<const Norm*>(opaque);
  const auto n = static_cast<double>(state.rows);
  for (Index c = 0; c < state.channels; ++c) {
    const double s1 = total(state, 0, c), s2 = total(state, 1, c);
    const double r = 1 / std::sqrt(static_cast<double>(state.given_variance[c]) + state.epsilon);
    const double scale = static_cast<double>(state.gamma[c]) * r;
    const double slope = -scale * r * r * s2 / n;
    state.dgamma[c] = static_cast<float>(s2 * r);
    state.dbeta[c] = static_cast<float>(s1);
    state.scale[c] = static_cast<float>(scale);
    state.slope[c] = static_cast<float>(slope);
    state.shift[c] =
        static_cast<float>(-scale * s1 / n - slope * static_cast<double>(state.given_mean[c]));
  }
}

namespace {

NormColumns columns_of(const Norm& state, Index slice) {
  const Range samples = share(state.samples, state.slices, slice);
  const Index each = state.rows / state.samples;
  const Range range{samples.begin * each, samples.end * each};
  NormColumns columns;
  columns.channels = state.channels;
  columns.rows = range.end - range.begin;
  columns.x = state.x + range.begin * state.channels;
  if (state.dy != nullptr) columns.dy = state.dy + range.begin * state.channels;
  columns.out = state.out + range.begin * state.channels;
  columns.sums = state.parts + slice * 2 * state.channels;
  columns.scale = state.scale;
  columns.slope = state.slope;
  columns.shift = state.shift;
  return columns;
}

void run_sums(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Norm*>(opaque);
  NormColumns columns = columns_of(state, slice);
  columns.pivot =
      columns
          .x;  // the slice's first row: a value of each channel, written by this slice's own chain
  state.kernels->norm_sums(columns);
}

void run_apply(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Norm*>(opaque);
  state.kernels->norm_apply(columns_of(state, slice));
}

void run_gradient_sums(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Norm*>(opaque);
  NormColumns columns = columns_of(state, slice);
  columns.pivot = state.given_mean;
  state.kernels->norm_grad_sums(columns);
}

void run_gradient_apply(const void* opaque, Index slice, std::byte*) {
  const auto& state = *static_cast<const Norm*>(opaque);
  state.kernels->norm_grad_apply(columns_of(state, slice));
}

Norm& prepare(Planner& planner, const Step& step, const Tensor& x) {
  auto& state = planner.state<Norm>();
  prepare_norm(planner, x, std::get<NormAttributes>(step.attributes).epsilon, state);
  planner.point(state.out, step.outputs[0]);
  return state;
}

}  // namespace

void prepare_norm(Planner& planner, const Tensor& x, double epsilon, Norm& state) {
  if (x.type.dtype != DType::f32)
    throw Error::mistake("the cpu device has batch norm for f32 only: cast the input");
  state.kernels = &planner.kernels;
  state.channels = x.type.shape.back();
  state.rows = x.type.shape.elements() / state.channels;
  state.samples = x.type.shape[0];
  state.epsilon = epsilon;
  state.slices = planner.row_slices(state.samples, nanoseconds_of(0, 2 * state.bytes()));
  planner.point(state.x, x);
  planner.scratch(state.parts, state.slices * 2 * state.channels);
  planner.scratch(state.scale, state.channels);
  planner.scratch(state.slope, state.channels);
  planner.scratch(state.shift, state.channels);
}

void plan_batch_norm(Planner& planner, const Step& step) {
  Norm& state = prepare(planner, step, step.inputs[0]);
  planner.point(state.gamma, step.inputs[1]);
  planner.point(state.beta, step.inputs[2]);
  planner.point(state.mean, step.outputs[1]);
  planner.point(state.variance, step.outputs[2]);
  planner.phase(run_sums, &state, state.slices, nanoseconds_of(0, state.bytes()),
                {state.samples, 1, 0}, {1, 0});
  planner.phase(run_statistics, &state, 1, state.short_nanoseconds(), {}, {7, 6});
  planner.phase(run_apply, &state, state.slices, nanoseconds_of(0, 2 * state.bytes()),
                {state.samples, 1, 1}, {1, 1});
}

void plan_batch_norm_grad(Planner& planner, const Step& step) {
  Norm& state = prepare(planner, step, step.inputs[1]);
  planner.point(state.dy, step.inputs[0]);
  planner.point(state.gamma, step.inputs[2]);
  planner.point(state.given_mean, step.inputs[3]);
  planner.point(state.given_variance, step.inputs[4]);
  planner.point(state.dgamma, step.outputs[1]);
  planner.point(state.dbeta, step.outputs[2]);
  planner.phase(run_gradient_sums, &state, state.slices, nanoseconds_of(0, 2 * state.bytes()),
                {state.samples, 3, 0}, {11, 0});
  planner.phase(run_gradient_coefficients, &state, 1, state.short_nanoseconds(), {}, {28, 6});
  planner.phase(run_gradient_apply, &state, state.slices, nanoseconds_of(0, 3 * state.bytes()),
                {state.samples, 3, 1}, {3, 1});
}

}  // namespace treino::cpu
