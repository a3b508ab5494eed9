// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cpu/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "treino/base/error.h"
#include "treino/runtime/op_table.h"
#include "treino/runtime/tensor_bytes.h"

namespace treino::cpu {

namespace {

// A slice's share of the largest tensor: half of a usual second cache, as what is made of it is to
// fit beside it.
constexpr Index kSliceBytes = Index{512} << 10;
constexpr Index kMostRowSlices = 64;

void plan_nothing(Planner&, const Step&) {}  // a variable is where it is

void refuse(Planner&, const Step& step) {
  throw Error::mistake(fmt::format(
      "the cpu device cannot run {}: the differentiate pass replaces it", name(step.op)));
}

constexpr OpRow<PlanFunction> kRows[] = {
    {Op::variable, plan_nothing},
    {Op::constant, plan_constant},
    {Op::reshape, plan_copy},
    {Op::assign, plan_copy},
    {Op::broadcast, plan_elementwise},
    {Op::transpose, plan_transpose},
    {Op::reduce_sum, plan_reduce},
    {Op::reduce_max, plan_reduce},
    {Op::argmax, plan_argmax},
    {Op::window, plan_window},
    {Op::gather_rows, plan_gather_rows},
    {Op::scatter_rows, plan_scatter_rows},
    {Op::one_hot, plan_one_hot},
    {Op::dropout_mask, plan_dropout_mask},
    {Op::augment, plan_augment},
    {Op::matmul, plan_matmul},
    {Op::conv2d, plan_conv2d},
    {Op::conv2d_grad_input, plan_conv2d_grad_input},
    {Op::conv2d_grad_kernel, plan_conv2d_grad_kernel},
    {Op::max_pool, plan_pool},
    {Op::max_pool_grad, plan_pool},
    {Op::avg_pool, plan_pool},
    {Op::avg_pool_grad, plan_pool},
    {Op::batch_norm, plan_batch_norm},
    {Op::batch_norm_grad, plan_batch_norm_grad},
    {Op::batch_norm_pool, plan_batch_norm_pool},
    {Op::batch_norm_pool_grad, plan_batch_norm_pool_grad},
    {Op::softmax, plan_softmax},
    {Op::cross_entropy, plan_cross_entropy},
    {Op::gradient, refuse},
    {Op::fused, plan_fused},
};

constexpr std::array<PlanFunction, kOpCount> kPlanners =
    op_table(kRows, PlanFunction{plan_elementwise});
static_assert(is_complete(kPlanners), "every row of ops.def needs a planner in the CPU backend");

}  // namespace

bool overlap(const std::vector<Extent>& a, const std::vector<Extent>& b) {
  return std::ranges::any_of(a, [&](const Extent& x) {
    return std::ranges::any_of(b, [&](const Extent& y) { return overlap(x, y); });
  });
}

bool conflict(const Phase& a, const Phase& b) {
  return overlap(a.writes, b.reads) || overlap(a.reads, b.writes) || overlap(a.writes, b.writes);
}

bool conflict(const Phase& phase, const std::vector<Phase>& phases, std::size_t begin,
              std::size_t end) {
  for (std::size_t i = begin; i < end; ++i) {
    if (conflict(phase, phases[i])) return true;
  }
  return false;
}

bool is_read_later(const std::vector<Phase>& phases, const Extent& place, std::size_t last) {
  for (std::size_t k = last + 1; k < phases.size(); ++k) {
    for (const Extent& read : phases[k].reads) {
      if (!overlap(read, place)) continue;
      bool is_new = false;
      for (std::size_t i = last + 1; i < k; ++i) {
        is_new = is_new || std::ranges::any_of(phases[i].writes, [&](const Extent& write) {
                   return write.space == read.space && write.begin <= read.begin &&
                          write.end >= read.end;
                 });
      }
      if (!is_new) return true;
    }
  }
  return false;
}

Extent Planner::extent_of(const Tensor& tensor) {
  const Index begin = tensor.space == Space::arena ? tensor.offset : 0;
  return {space_of(tensor), begin, begin + bytes_of(tensor)};
}

void Planner::begin_step(int number, const Step& step) {
  step_ = number;
  scratch_begin_ = plan_.scratch_bytes;
  touch(step);
  plan_.choices.push_back(fmt::format("own {}", kernels.name));
  served_ = Convolutions::direct;
  wanted_ = options_.convolutions;
  if (wanted_ != Convolutions::by_table || options_.chosen.empty() || !is_convolution(step.op))
    return;
  const auto found = options_.chosen.find(choice_key(name(step.op), shape_key(step)));
  if (found != options_.chosen.end()) wanted_ = found->second;
}

void Planner::touch(const Step& part) {
  reads_.clear();
  writes_.clear();
  for (const Tensor& input : part.inputs) reads_.push_back(extent_of(input));
  for (const Tensor& output : part.outputs) writes_.push_back(extent_of(output));
}

void Planner::end_step(const Step& step) {
  if (!is_convolution(step.op) && step.op != Op::matmul) return;
  KernelChoice choice{std::string(name(step.op)), shape_key(step), "product", 1};
  if (is_convolution(step.op)) {
    choice.kernel = name(served_);
    if (options_.convolutions == Convolutions::by_table && wanted_ != Convolutions::by_table &&
        wanted_ != served_) {
      throw Error::mistake(fmt::format(
          "the kernel \"{}\" chosen for {} {} does not serve it on this machine (instruction set "
          "{}{}); use the machine it was chosen on, or train anew",
          name(wanted_), choice.op, choice.shape, kernels.name,
          options_.onednn ? ", with oneDNN" : ", without oneDNN"));
    }
  }
  double longest = -1;  // the phase that does the work, not the ones before and after it
  for (const Phase& phase : plan_.phases) {
    if (phase.step != step_ || phase.nanoseconds <= longest) continue;
    longest = phase.nanoseconds;
    choice.slices = phase.slices;
  }
  const auto is_known = [&](const KernelChoice& known) { return known.same_op(choice); };
  if (std::none_of(plan_.heavy.begin(), plan_.heavy.end(), is_known))
    plan_.heavy.push_back(std::move(choice));
}

void Planner::phase(PhaseFunction run, const void* state, Index slices, double nanoseconds,
                    const Partition& partition, const Touches& touches) {
  Phase& phase = plan_.phases.emplace_back();
  phase.run = run;
  phase.state = state;
  phase.slices = slices;
  phase.extent = partition.extent;
  phase.nanoseconds = nanoseconds;
  phase.step = step_;
  const auto bit = [](unsigned mask, std::size_t i) { return i >= 32 || (mask >> i & 1U) != 0; };
  const auto take = [&](const std::vector<Extent>& all, unsigned touched, unsigned sliced,
                        std::vector<Extent>& to) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!bit(touched, i)) continue;
      to.push_back(all[i]);
      to.back().sliced = partition.extent > 0 && i < 32 && bit(sliced, i);
    }
  };
  take(reads_, touches.inputs, partition.inputs, phase.reads);
  take(writes_, touches.outputs, partition.outputs, phase.writes);
  // Scratch is asked for before the first phase that uses it; phases of a step follow one another.
  if (plan_.scratch_bytes > scratch_begin_)
    phase.writes.push_back({1, scratch_begin_, plan_.scratch_bytes});
}

void Planner::prepare(PhaseFunction run, const void* state, Index slices, double nanoseconds,
                      unsigned inputs) {
  phase(run, state, slices, nanoseconds, {}, {inputs, 0});
  plan_.phases.back().prepares = true;
}

void Planner::survey(const Program& program) {
  for (const Step& step : program.steps) {
    for (const Tensor& output : step.outputs) {
      const Shape& shape = output.type.shape;
      if (output.space != Space::arena || shape.rank() == 0) continue;
      Index& largest = largest_[shape[0]];
      largest = std::max(largest, bytes_of(output));
    }
  }
}

Index Planner::row_slices(Index extent, double nanoseconds) const {
  if (nanoseconds < kShortWork) return 1;
  const auto found = largest_.find(extent);
  const Index bytes = found == largest_.end() ? 0 : found->second;
  const Index wanted =
      std::clamp((bytes + kSliceBytes - 1) / kSliceBytes, kRowSlices, kMostRowSlices);
  return std::clamp<Index>(wanted, 1, std::max<Index>(extent, 1));
}

Index Planner::short_row_slices(Index extent, double nanoseconds) const {
  if (nanoseconds >= kShortWork) return row_slices(extent, nanoseconds);
  return nanoseconds < 300 || extent < kRowSlices ? 1 : kFewSlices;
}

Index slices_for(Index units, double nanoseconds, Index most) {
  if (nanoseconds < kShortWork) return 1;
  return std::clamp<Index>(static_cast<Index>(nanoseconds / 2000), 1,
                           std::min(std::max<Index>(units, 1), most));
}

Plan make_plan(const Program& program, const PlanOptions& options) {
  Plan plan;
  Planner planner(options, plan);
  planner.survey(program);
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const Step& step = program.steps[i];
    planner.begin_step(static_cast<int>(i), step);
    kPlanners[static_cast<std::size_t>(step.op)](planner, step);
    planner.end_step(step);
  }
  join_pools(plan);
  return plan;
}

}  // namespace treino::cpu
