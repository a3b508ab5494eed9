// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cuda/plan_pool.h"

#include <limits>

#include "treino/backend/cuda/plan.h"
#include "treino/base/error.h"

namespace treino::cuda {

bool apart(const WindowAttributes& w) {
  for (std::size_t d = 0; d < 2; ++d) {
    // A single window has no neighbour, whatever its stride: that of a global pooling is 1.
    const bool beside = w.size[d] == w.stride[d] || w.output_extent(static_cast<int>(d)) == 1;
    if (!beside || w.dilation[d] != 1 || w.pad_before[d] != 0) return false;
  }
  return w.input[3] % 4 == 0 && w.input.elements() < std::numeric_limits<int>::max();
}

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

namespace {

const WindowAttributes& window_of(const Step& step) {
  demand_f32(step);
  return std::get<WindowAttributes>(step.attributes);
}

// An index for each result, from one tensor and its windows.
template <typename Work>
void plan_windows(Planner& planner, const Step& step) {
  planner.launch(Work{planner.at<float>(step.inputs[0]), planner.at<float>(step.outputs[0]),
                      to_window(window_of(step))},
                 step.outputs[0].type.shape.elements());
}

}  // namespace

void plan_max_pool(Planner& planner, const Step& step) {
  if (step.inputs.size() > 1) {
    throw Error::mistake(
        "the cuda device takes no scale and shift in max_pool: compile for its own target");
  }
  const WindowAttributes& window = window_of(step);
  if (!apart(window)) return plan_windows<MaxPool>(planner, step);
  const WindowQuads quads = quads_of(window, false);
  with_extent(window, [&](auto size) {
    planner.launch(MaxPoolQuads<size()>{planner.at<float>(step.inputs[0]),
                                        planner.at<float>(step.outputs[0]), quads},
                   windows_of(window, quads));
  });
}

void plan_max_pool_grad(Planner& planner, const Step& step) {
  const WindowAttributes& window = window_of(step);
  const float *dy = planner.at<float>(step.inputs[0]), *x = planner.at<float>(step.inputs[1]),
              *chosen = planner.at<float>(step.inputs[2]);
  float* dx = planner.at<float>(step.outputs[0]);
  if (!apart(window)) {
    planner.launch(ToChosen{dy, x, chosen, dx, to_window(window)},
                   step.outputs[0].type.shape.elements());
    return;
  }
  const WindowQuads quads = quads_of(window, true);
  with_extent(window, [&](auto size) {
    planner.launch(PoolGradQuads<size()>{dy, x, chosen, dx, {}, quads, false},
                   windows_of(window, quads));
  });
}

void plan_avg_pool(Planner& planner, const Step& step) {
  plan_windows<AvgPool>(planner, step);
}

void plan_avg_pool_grad(Planner& planner, const Step& step) {
  plan_windows<AvgPoolGrad>(planner, step);
}

}  // namespace treino::cuda
