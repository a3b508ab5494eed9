// SPDX-License-Identifier: Apache-2.0
// Batch norm: each way is three launches, of which the last works on the elements.
#include "treino/backend/cuda/plan.h"

namespace treino::cuda {

namespace {

Index channels_of(const Tensor& x) {
  return x.type.shape.back();
}

Index rows_of(const Tensor& x) {
  return x.type.shape.elements() / channels_of(x);
}

ChannelChunks chunks_of(Planner& planner, const Tensor& x, Index sums) {
  const Index channels = channels_of(x), chunks = chunks_for(channels, rows_of(x));
  return {planner.scratch<double>(sums * chunks * channels), channels, chunks};
}

// Mean and variance of x, and how its elements become normal.
Normalized statistics(Planner& planner, const Step& step, double epsilon) {
  const Tensor& x = step.inputs[0];
  const Index channels = channels_of(x);
  float *mean = planner.at<float>(step.outputs[1]), *variance = planner.at<float>(step.outputs[2]);
  float* scale = planner.scratch<float>(channels);
  const Moments moments{planner.at<float>(x), chunks_of(planner, x, 2), rows_of(x)};
  planner.launch(moments, moments.to.chunks * channels);
  planner.launch(
      FinishMoments{moments, planner.at<float>(step.inputs[1]), mean, variance, scale, epsilon},
      channels);
  return {mean, scale, planner.at<float>(step.inputs[2])};
}

// dgamma and dbeta, the sum of dx where it is an output, and how dx follows from dy. The last three
// inputs are gamma, mean and variance; dy belongs to `with`.
NormSlope gradient_sums(Planner& planner, const Step& step, const Tensor& x, const Tensor& with,
                        double epsilon, bool masked) {
  const bool sums_dx = step.outputs.size() > 3;
  const Index channels = channels_of(x);
  const std::size_t gamma = step.inputs.size() - 3;
  const float* mean = planner.at<float>(step.inputs[gamma + 1]);
  const ChannelChunks to = chunks_of(planner, x, sums_dx ? GradSums::kSums : 2);
  planner.launch(
      GradSums{planner.at<float>(step.inputs[0]), planner.at<float>(with), mean,
               sums_dx ? planner.at<float>(x) : nullptr, to, rows_of(with), rows_of(x), masked},
      to.chunks * channels * (sums_dx ? 2 : 1));
  const NormSlope slope{mean, planner.scratch<float>(3 * channels), channels};
  planner.launch(FinishGrad{to, planner.at<float>(step.inputs[gamma]),
                            planner.at<float>(step.inputs[gamma + 2]),
                            planner.at<float>(step.outputs[1]), planner.at<float>(step.outputs[2]),
                            sums_dx ? planner.at<float>(step.outputs[3]) : nullptr, slope,
                            static_cast<double>(rows_of(x)), epsilon},
                 channels);
  return slope;
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
  const NormSlope slope =
      gradient_sums(planner, step, x, x, std::get<NormAttributes>(step.attributes).epsilon, false);
  planner.launch(NormalizeGrad{planner.at<float>(step.inputs[0]), planner.at<float>(x),
                               planner.at<float>(step.outputs[0]), slope, channels_of(x)},
                 x.type.shape.elements());
}

void plan_batch_norm_pool(Planner& planner, const Step& step) {
  demand_f32(step);
  const auto& attributes = std::get<NormPoolAttributes>(step.attributes);
  const Normalized normalized = statistics(planner, step, attributes.epsilon);
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
  const NormSlope slope = gradient_sums(planner, step, x, chosen, attributes.epsilon, masked);
  planner.launch(
      NormPoolGrad{ToChosen{planner.at<float>(step.inputs[0]), planner.at<float>(x),
                            planner.at<float>(chosen), planner.at<float>(step.outputs[0]),
                            to_window(attributes.window)},
                   slope, masked},
      x.type.shape.elements());
}

}  // namespace treino::cuda
