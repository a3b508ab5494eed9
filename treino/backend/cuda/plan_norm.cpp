// SPDX-License-Identifier: Apache-2.0
// Batch norm: each way is two launches, of which the second works on the elements.
#include <algorithm>
#include <limits>

#include "treino/backend/cuda/plan.h"

namespace treino::cuda {

namespace {

Index channels_of(const Tensor& x) {
  return x.type.shape.back();
}

Index rows_of(const Tensor& x) {
  return x.type.shape.elements() / channels_of(x);
}

// One launch for all channels' sums. Two blocks for each multiprocessor of a large GPU, none of
// less than eight rows a thread.
template <typename Terms>
void add_rows(Planner& planner, const Terms& terms, Index rows) {
  using Work = RowSums<Terms>;
  const Index groups = (terms.channels + Work::kWide - 1) / Work::kWide;
  const Index chunks = std::clamp<Index>(std::min(264 / groups, rows / (8 * Work::kLanes)), 1, 128);
  const bool parts = chunks > 1;
  planner.launch(
      Work{terms,
           parts ? planner.scratch<double>(groups * chunks * Terms::kSums * Work::kWide) : nullptr,
           parts ? planner.counters(groups) : nullptr, chunks},
      groups * chunks);
}

// Mean and variance of x, and how its elements become normal.
Normalized statistics(Planner& planner, const Step& step, double epsilon) {
  const Tensor& x = step.inputs[0];
  const Index channels = channels_of(x), rows = rows_of(x);
  float* mean = planner.at<float>(step.outputs[1]);
  float* scale = planner.scratch<float>(channels);
  add_rows(planner,
           Moments{planner.at<float>(x), planner.at<float>(step.inputs[1]), mean,
                   planner.at<float>(step.outputs[2]), scale, rows, channels, epsilon},
           rows);
  return {mean, scale, planner.at<float>(step.inputs[2])};
}

// dgamma and dbeta, the sum of dx where it is an output, and how dx follows from dy. The last three
// inputs are gamma, mean and variance; dy belongs to `with`.
template <bool kSumsDx>
NormSlope gradient_sums(Planner& planner, const Step& step, const Tensor& x, const Tensor& with,
                        double epsilon, bool masked) {
  const Index channels = channels_of(x);
  const std::size_t gamma = step.inputs.size() - 3;
  const NormSlope slope{planner.at<float>(step.inputs[gamma + 1]),
                        planner.scratch<float>(3 * channels), channels};
  add_rows(planner,
           NormGradSums<kSumsDx>{
               planner.at<float>(step.inputs[0]), planner.at<float>(with), planner.at<float>(x),
               planner.at<float>(step.inputs[gamma]), planner.at<float>(step.inputs[gamma + 2]),
               planner.at<float>(step.outputs[1]), planner.at<float>(step.outputs[2]),
               kSumsDx ? planner.at<float>(step.outputs.back()) : nullptr, slope, rows_of(with),
               rows_of(x), channels, epsilon, masked},
           rows_of(x));
  return slope;
}

// Whether windows lie side by side without gaps, and four channels at a time go into them.
bool apart(const WindowAttributes& w) {
  return w.size == w.stride && w.dilation[0] == 1 && w.dilation[1] == 1 && w.pad_before[0] == 0 &&
         w.pad_before[1] == 0 && w.input[3] % 4 == 0 &&
         w.input.elements() < std::numeric_limits<int>::max();
}

// `begun`: with those at the lower and right edge that the picture does not fill.
WindowQuads quads_of(const WindowAttributes& w, bool begun) {
  WindowQuads quads{};
  const auto windows = [&](int d) {
    const Index extent = w.input[d + 1], size = w.size[static_cast<std::size_t>(d)];
    return static_cast<int>(begun ? (extent + size - 1) / size : w.output_extent(d));
  };
  quads.quads = static_cast<int>(w.input[3] / 4);
  quads.down = windows(0);
  quads.across = windows(1);
  quads.height = static_cast<int>(w.input[1]);
  quads.width = static_cast<int>(w.input[2]);
  for (std::size_t d = 0; d < 2; ++d) {
    quads.out[d] = static_cast<int>(w.output_extent(static_cast<int>(d)));
    quads.size[d] = static_cast<int>(w.size[d]);
  }
  return quads;
}

}  // namespace

void plan_batch_norm(Planner& planner, const Step& step) {
  demand_f32(step);
  const Tensor& x = step.inputs[0];
  const Normalized normalized =
      statistics(planner, step, std::get<NormAttributes>(step.attributes).epsilon);
  planner.launch(Normalize{planner.at<float>(x), planner.at<float>(step.outputs[0]), normalized,
                           channels_of(x)},
                 x.type.shape.elements());
}

void plan_batch_norm_grad(Planner& planner, const Step& step) {
  demand_f32(step);
  const Tensor& x = step.inputs[1];
  const NormSlope slope = gradient_sums<false>(
      planner, step, x, x, std::get<NormAttributes>(step.attributes).epsilon, false);
  planner.launch(NormalizeGrad{planner.at<float>(step.inputs[0]), planner.at<float>(x),
                               planner.at<float>(step.outputs[0]), slope, channels_of(x)},
                 x.type.shape.elements());
}

void plan_batch_norm_pool(Planner& planner, const Step& step) {
  demand_f32(step);
  const auto& attributes = std::get<NormPoolAttributes>(step.attributes);
  const Normalized normalized = statistics(planner, step, attributes.epsilon);
  if (apart(attributes.window)) {
    const WindowQuads quads = quads_of(attributes.window, false);
    planner.launch(
        NormPoolQuads{planner.at<float>(step.inputs[0]), planner.at<float>(step.inputs[1]),
                      planner.at<float>(step.outputs[0]), planner.at<float>(step.outputs[3]),
                      normalized, quads},
        step.outputs[0].type.shape.elements() / 4);
    return;
  }
  planner.launch(NormPool{planner.at<float>(step.inputs[0]), planner.at<float>(step.inputs[1]),
                          planner.at<float>(step.outputs[0]), planner.at<float>(step.outputs[3]),
                          normalized, to_window(attributes.window)},
                 step.outputs[0].type.shape.elements());
}

void plan_batch_norm_pool_grad(Planner& planner, const Step& step) {
  demand_f32(step);
  const auto& attributes = std::get<NormPoolAttributes>(step.attributes);
  const Tensor &x = step.inputs[1], &chosen = step.inputs[2];
  const bool masked = attributes.window.activation == Op::relu;
  const NormSlope slope = gradient_sums<true>(planner, step, x, chosen, attributes.epsilon, masked);
  if (apart(attributes.window)) {
    const WindowQuads quads = quads_of(attributes.window, true);
    planner.launch(NormPoolGradQuads{planner.at<float>(step.inputs[0]), planner.at<float>(x),
                                     planner.at<float>(chosen), planner.at<float>(step.outputs[0]),
                                     slope, quads, masked},
                   attributes.window.input[0] * quads.down * quads.across * quads.quads);
    return;
  }
  planner.launch(
      NormPoolGrad{ToChosen{planner.at<float>(step.inputs[0]), planner.at<float>(x),
                            planner.at<float>(chosen), planner.at<float>(step.outputs[0]),
                            to_window(attributes.window)},
                   slope, masked},
      x.type.shape.elements());
}

}  // namespace treino::cuda
