// SPDX-License-Identifier: Apache-2.0
// Batch norm: each way is two launches, of which the second works on the elements; where the sums
// of dx are wanted they are a third, for which the way back does not wait.
#include <algorithm>

#include "treino/backend/cuda/plan.h"
#include "treino/backend/cuda/plan_pool.h"

namespace treino::cuda {

namespace {

Index channels_of(const Tensor& x) {
  return x.type.shape.back();
}

Index rows_of(const Tensor& x) {
  return x.type.shape.elements() / channels_of(x);
}

// How many blocks share the rows of some channels. Few rows take one: what blocks leave for one
// another takes a GPU longer than reading twenty rows a thread. Others take about as many blocks as
// a large GPU has multiprocessors, or twice that where there is much to read, so that the last one
// fetches all that it adds at once.
Index row_chunks(Index rows, Index lanes, Index groups) {
  constexpr Index kAlone = 20, kFew = 2, kMany = 16, kBlocks = 128;
  if (rows <= kAlone * lanes) return 1;
  const Index blocks = rows * groups > kMany * lanes * kBlocks ? 2 * kBlocks : kBlocks;
  return std::clamp<Index>(blocks / groups, 1, std::min(rows / (kFew * lanes), kBlocks));
}

// One launch for all channels' sums.
template <int kVector, int kAcross, typename Terms>
void add_rows(Planner& planner, const Terms& terms) {
  using Work = RowSums<Terms, kVector, kAcross>;
  const Index groups = (terms.channels + Work::kWide - 1) / Work::kWide;
  const Index chunks = row_chunks(terms.rows, Work::kLanes, groups);
  const bool parts = chunks > 1;
  planner.launch(Work{terms, planner.scratch<double>(parts ? groups * chunks * Work::kParts : 0),
                      parts ? planner.counters(groups) : nullptr, static_cast<int>(chunks)},
                 groups * chunks);
}
template <typename Terms>
void add_rows(Planner& planner, const Terms& terms) {
  with_neighbours({terms.channels},
                  [&](auto n) { add_rows<n(), n() == 4 ? 4 : 32>(planner, terms); });
}

// Mean and variance of x, and how its elements become normal.
Normalized statistics(Planner& planner, const Step& step, double epsilon) {
  const Tensor& x = step.inputs[0];
  const Index channels = channels_of(x), rows = rows_of(x);
  float* mean = planner.at<float>(step.outputs[1]);
  float* scale = planner.scratch<float>(channels);
  add_rows(planner, Moments{planner.at<float>(x), planner.at<float>(step.inputs[1]), mean,
                            planner.at<float>(step.outputs[2]), scale, rows, channels, epsilon,
                            1 / static_cast<double>(rows)});
  return {mean, scale, planner.at<float>(step.inputs[2])};
}

// dgamma and dbeta, and how dx follows from dy. The last three inputs are gamma, mean and variance;
// dy belongs to `with`.
NormSlope gradient_sums(Planner& planner, const Step& step, const Tensor& x, const Tensor& with,
                        double epsilon) {
  const Index channels = channels_of(x);
  const std::size_t gamma = step.inputs.size() - 3;
  const NormSlope slope{planner.at<float>(step.inputs[gamma + 1]),
                        planner.scratch<float>(3 * channels), channels};
  add_rows(
      planner,
      NormGradSums{planner.at<float>(step.inputs[0]), planner.at<float>(with),
                   planner.at<float>(step.inputs[gamma]), planner.at<float>(step.inputs[gamma + 2]),
                   planner.at<float>(step.outputs[1]), planner.at<float>(step.outputs[2]), slope,
                   rows_of(with), channels, epsilon, 1 / static_cast<double>(rows_of(x))});
  return slope;
}

}  // namespace

void plan_batch_norm(Planner& planner, const Step& step) {
  demand_f32(step);
  const Tensor &x = step.inputs[0], &y = step.outputs[0];
  const Normalized normalized =
      statistics(planner, step, std::get<NormAttributes>(step.attributes).epsilon);
  const Unit& unit = planner.unit();
  const auto normalize = [&]<int N, typename Group>(std::integral_constant<int, N>,
                                                    const Group& group) {
    planner.launch(
        Normalize<N, Group>{planner.at<float>(x), unit.keeps ? planner.at<float>(y) : nullptr,
                            normalized, channels_of(x) / N, group},
        x.type.shape.elements() / N);
  };
  if (unit.then == nullptr) {
    with_neighbours({channels_of(x)}, [&](auto n) { normalize(n, Alone{}); });
    return;
  }
  const std::integral_constant<int, 4> four{};  // as merge_rules.cpp demands
  KnownGroup<group::relu> relu{};
  if (fill_group(planner, *unit.then, relu)) return normalize(four, relu);
  KnownGroup<group::relu_add> relu_add{};
  fill_group(planner, *unit.then, relu_add);
  normalize(four, relu_add);
}

void plan_batch_norm_grad(Planner& planner, const Step& step) {
  demand_f32(step);
  const Tensor &dy = step.inputs[0], &x = step.inputs[1], &dx = step.outputs[0];
  const NormSlope slope =
      gradient_sums(planner, step, x, x, std::get<NormAttributes>(step.attributes).epsilon);
  with_neighbours({channels_of(x)}, [&](auto n) {
    planner.launch(NormalizeGrad<n()>{planner.at<float>(dy), planner.at<float>(x),
                                      planner.at<float>(dx), slope, channels_of(x) / n()},
                   x.type.shape.elements() / n());
  });
}

void plan_batch_norm_pool(Planner& planner, const Step& step) {
  demand_f32(step);
  const auto& attributes = std::get<NormPoolAttributes>(step.attributes);
  const Normalized normalized = statistics(planner, step, attributes.epsilon);
  if (apart(attributes.window)) {
    with_extent(attributes.window, [&](auto size) {
      const WindowQuads quads = quads_of(attributes.window, false);
      planner.launch(NormPoolQuads<size()>{planner.at<float>(step.inputs[0]),
                                           planner.at<float>(step.inputs[1]),
                                           planner.at<float>(step.outputs[0]),
                                           planner.at<float>(step.outputs[3]), normalized, quads},
                     windows_of(attributes.window, quads));
    });
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
  const Tensor &x = step.inputs[1], &chosen = step.inputs[2], &dx = step.outputs[0];
  const bool masked = attributes.window.activation == Op::relu;
  const NormSlope slope = gradient_sums(planner, step, x, chosen, attributes.epsilon);
  if (apart(attributes.window)) {
    const WindowQuads quads = quads_of(attributes.window, true);
    with_extent(attributes.window, [&](auto size) {
      planner.launch(NormPoolGradQuads<size()>{planner.at<float>(step.inputs[0]),
                                               planner.at<float>(x), planner.at<float>(chosen),
                                               planner.at<float>(dx), slope, quads, masked},
                     windows_of(attributes.window, quads));
    });
  } else {
    planner.launch(NormPoolGrad{ToChosen{planner.at<float>(step.inputs[0]), planner.at<float>(x),
                                         planner.at<float>(chosen), planner.at<float>(dx),
                                         to_window(attributes.window)},
                                slope, masked},
                   x.type.shape.elements());
  }
  // Nothing but a bias waits for the sum of dx.
  planner.end_part(step.inputs, {dx, step.outputs[1], step.outputs[2]});
  add_rows(planner, ChannelSums{planner.at<float>(dx), planner.at<float>(step.outputs[3]),
                                rows_of(dx), channels_of(dx)});
  planner.end_part({dx}, {step.outputs[3]});
}

}  // namespace treino::cuda
