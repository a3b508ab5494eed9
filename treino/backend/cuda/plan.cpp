// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cuda/plan.h"

#include <algorithm>

#include "treino/backend/cuda/order.h"
#include "treino/base/error.h"
#include "treino/runtime/op_table.h"
#include "treino/runtime/tensor_bytes.h"

namespace treino::cuda {

namespace {

using PlanFunction = void (*)(Planner&, const Step&);

void never(Planner&, const Step& step) {
  throw Error::mistake("a program cannot hold " + std::string(name(step.op)));
}

constexpr OpRow<PlanFunction> kRows[] = {
    {Op::variable, never},
    {Op::gradient, never},
    {Op::constant, plan_constant},
    {Op::cast, plan_cast},
    {Op::fused, plan_fused},
    {Op::reshape, plan_copy},
    {Op::assign, plan_copy},
    {Op::transpose, plan_transpose},
    {Op::broadcast, plan_broadcast},
    {Op::window, plan_window},
    {Op::gather_rows, plan_gather_rows},
    {Op::scatter_rows, plan_scatter_rows},
    {Op::one_hot, plan_one_hot},
    {Op::dropout_mask, plan_dropout_mask},
    {Op::augment, plan_augment},
    {Op::reduce_sum, plan_reduce_sum},
    {Op::reduce_max, plan_reduce_max},
    {Op::argmax, plan_argmax},
    {Op::matmul, plan_matmul},
    {Op::conv2d, plan_conv2d},
    {Op::conv2d_grad_input, plan_conv2d_grad_input},
    {Op::conv2d_grad_kernel, plan_conv2d_grad_kernel},
    {Op::max_pool, plan_max_pool},
    {Op::max_pool_grad, plan_max_pool_grad},
    {Op::avg_pool, plan_avg_pool},
    {Op::avg_pool_grad, plan_avg_pool_grad},
    {Op::batch_norm, plan_batch_norm},
    {Op::batch_norm_grad, plan_batch_norm_grad},
    {Op::batch_norm_pool, plan_batch_norm_pool},
    {Op::batch_norm_pool_grad, plan_batch_norm_pool_grad},
    {Op::softmax, plan_softmax},
    {Op::cross_entropy, plan_cross_entropy},
};

constexpr std::array<PlanFunction, kOpCount> kPlanners =
    op_table(kRows, PlanFunction{plan_elementwise});
static_assert(is_complete(kPlanners), "every row of ops.def needs a planner in the CUDA backend");

}  // namespace

void Planner::plan(const Unit& unit) {
  unit_ = &unit;
  if (used_ > kEnoughScratch) used_ = 0;
  part_ = {plan_.launches.size(), used_, plan_.counters};
  kPlanners[static_cast<std::size_t>(unit.step->op)](*this, *unit.step);
  end_part(unit.reads(), unit.writes());
}

void Planner::end_part(const std::vector<Tensor>& reads, const std::vector<Tensor>& writes) {
  const Begin end{plan_.launches.size(), used_, plan_.counters};
  Touch touch{static_cast<int>(end.launches - part_.launches), extents(reads), extents(writes)};
  const auto own = [&](Address base, Index from, Index to) {
    if (from != to)
      touch.writes.push_back({base + static_cast<Address>(from), base + static_cast<Address>(to)});
  };
  own(places_.scratch, part_.scratch, end.scratch);
  constexpr Index kCounter = sizeof(unsigned);
  own(places_.counters, part_.counters * kCounter, end.counters * kCounter);
  if (touch.launches > 0) plan_.touches.push_back(std::move(touch));
  part_ = end;
}

std::vector<Extent> Planner::extents(const std::vector<Tensor>& tensors) const {
  std::vector<Extent> result;
  for (const Tensor& tensor : tensors) {
    const Address begin = address(tensor);
    result.push_back({begin, begin + static_cast<Address>(bytes_of(tensor))});
  }
  return result;
}

Plan make_plan(const Program& program, const Planner::Places& places) {
  Plan plan;
  Planner planner(places, plan);
  for (const Unit& unit : merged(program)) planner.plan(unit);
  plan.launches = in_a_row(std::span(&plan, 1), 1);
  return plan;
}

Index chunks_for(Index elements, Index length) {
  constexpr Index kThreadsWanted = Index{1} << 16, kWhole = 128, kShortest = 64, kMost = 256;
  if (length <= kWhole) return 1;
  return std::clamp<Index>(
      std::min(kThreadsWanted / std::max<Index>(elements, 1), length / kShortest), 1, kMost);
}

void demand_f32(const Step& step) {
  if (step.inputs[0].type.dtype == DType::f32) return;
  throw Error::mistake("the cuda device has " + std::string(name(step.op)) +
                       " for f32 only: cast the input of " + step.scope);
}

}  // namespace treino::cuda
