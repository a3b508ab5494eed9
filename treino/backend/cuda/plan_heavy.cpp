// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cuda/plan.h"

namespace treino::cuda {

Window to_window(const WindowAttributes& w) {
  Window window{};
  window.height = w.input[1];
  window.width = w.input[2];
  window.channels = w.input[3];
  for (std::size_t d = 0; d < 2; ++d) {
    window.out[d] = w.output_extent(static_cast<int>(d));
    window.size[d] = w.size[d];
    window.stride[d] = w.stride[d];
    window.dilation[d] = w.dilation[d];
    window.pad[d] = w.pad_before[d];
  }
  return window;
}

namespace {

Index elements(const Tensor& tensor) {
  return tensor.type.shape.elements();
}

Window window_of(const Step& step) {
  demand_f32(step);
  return to_window(std::get<WindowAttributes>(step.attributes));
}

Filters filters_of(const Step& step) {
  const auto& w = std::get<WindowAttributes>(step.attributes);
  return {w.kernel[2], w.kernel[3], w.groups};
}

Epilogue epilogue_of(Planner& planner, const Step& step, Op activation) {
  return {step.inputs.size() > 2 ? planner.at<float>(step.inputs[2]) : nullptr, activation};
}

// An index for each result, from one tensor and its windows.
template <typename Work>
void plan_windows(Planner& planner, const Step& step) {
  const Window window = window_of(step);
  planner.launch(
      Work{planner.at<float>(step.inputs[0]), planner.at<float>(step.outputs[0]), window},
      elements(step.outputs[0]));
}

}  // namespace

void plan_matmul(Planner& planner, const Step& step) {
  demand_f32(step);
  const auto& m = std::get<MatmulAttributes>(step.attributes);
  const Shape &a = step.inputs[0].type.shape, &b = step.inputs[1].type.shape;
  Matmul work{planner.at<float>(step.inputs[0]),
              planner.at<float>(step.inputs[1]),
              planner.at<float>(step.outputs[0]),
              step.outputs[0].type.shape[1],
              a[!m.transpose_a],
              m.transpose_a ? 1 : a[1],
              m.transpose_a ? a[1] : 1,
              m.transpose_b ? 1 : b[1],
              m.transpose_b ? b[1] : 1,
              epilogue_of(planner, step, m.activation)};
  planner.launch(work, elements(step.outputs[0]));
}

void plan_conv2d(Planner& planner, const Step& step) {
  const Window window = window_of(step);
  planner.launch(
      Conv{planner.at<float>(step.inputs[0]), planner.at<float>(step.inputs[1]),
           planner.at<float>(step.outputs[0]), window, filters_of(step),
           epilogue_of(planner, step, std::get<WindowAttributes>(step.attributes).activation)},
      elements(step.outputs[0]));
}

void plan_conv2d_grad_input(Planner& planner, const Step& step) {
  const Window window = window_of(step);
  planner.launch(ConvGradInput{planner.at<float>(step.inputs[0]), planner.at<float>(step.inputs[1]),
                               planner.at<float>(step.outputs[0]), window, filters_of(step)},
                 elements(step.outputs[0]));
}

void plan_conv2d_grad_kernel(Planner& planner, const Step& step) {
  const Window window = window_of(step);
  const Filters filters = filters_of(step);
  const Index count = elements(step.outputs[0]);
  const Index pixels = elements(step.inputs[1]) / filters.filters;
  const Index chunks = chunks_for(count / 8, pixels);
  float* partial = planner.scratch<float>(count * chunks);
  planner.launch(
      ConvGradKernel{planner.at<float>(step.inputs[0]), planner.at<float>(step.inputs[1]), partial,
                     window, filters, count, pixels, chunks},
      count * chunks);
  planner.launch(
      AddPartial<float, float>{partial, planner.at<float>(step.outputs[0]), 1, count, chunks, 1},
      count);
}

void plan_max_pool(Planner& planner, const Step& step) {
  plan_windows<MaxPool>(planner, step);
}

void plan_max_pool_grad(Planner& planner, const Step& step) {
  const Window window = window_of(step);
  planner.launch(
      ToChosen{planner.at<float>(step.inputs[0]), planner.at<float>(step.inputs[1]),
               planner.at<float>(step.inputs[2]), planner.at<float>(step.outputs[0]), window},
      elements(step.outputs[0]));
}

void plan_avg_pool(Planner& planner, const Step& step) {
  plan_windows<AvgPool>(planner, step);
}

void plan_avg_pool_grad(Planner& planner, const Step& step) {
  plan_windows<AvgPoolGrad>(planner, step);
}

void plan_softmax(Planner& planner, const Step& step) {
  demand_f32(step);
  const Index width = step.inputs[0].type.shape.back();
  planner.launch(
      Softmax{planner.at<float>(step.inputs[0]), planner.at<float>(step.outputs[0]), width},
      elements(step.inputs[0]) / width);
}

void plan_cross_entropy(Planner& planner, const Step& step) {
  demand_f32(step);
  const Shape& shape = step.inputs[0].type.shape;
  planner.launch(CrossEntropy{planner.at<float>(step.inputs[0]), planner.at<float>(step.inputs[1]),
                              planner.at<float>(step.outputs[0]),
                              planner.at<float>(step.outputs[1]), shape[1]},
                 shape[0]);
}

}  // namespace treino::cuda
