// SPDX-License-Identifier: Apache-2.0
#include "treino/train/tune.h"

#include <algorithm>
#include <limits>

#include "treino/base/system_file.h"
#include "treino/train/run_folder.h"

namespace treino::train {

namespace {

TuneAnswer answer_of(const TunedOp& op, const Device& device, int threads) {
  return {cpu_model(),  device.instruction_set(), op.op, op.shape, threads, op.kernel,
          op.candidates};
}

// The answer's kernel and times, in the order of the op's own candidates.
void take(const TuneAnswer& answer, TunedOp& op) {
  op.kernel = answer.kernel;
  for (CandidateTime& candidate : op.candidates) {
    for (const CandidateTime& measured : answer.candidates) {
      if (measured.kernel == candidate.kernel) candidate.seconds = measured.seconds;
    }
  }
}

}  // namespace

double TunedOp::seconds_of(const std::string& wanted) const {
  for (const CandidateTime& candidate : candidates) {
    if (candidate.kernel == wanted) return candidate.seconds;
  }
  return 0;
}

double TunedOp::lead() const {
  double next = std::numeric_limits<double>::infinity();
  for (const CandidateTime& candidate : candidates) {
    if (candidate.kernel != kernel) next = std::min(next, candidate.seconds);
  }
  return next / seconds_of(kernel);
}

double TunedOp::gain() const {
  return candidates.front().seconds / seconds_of(kernel);
}

std::string winner_of(std::span<const CandidateTime> candidates) {
  const auto best = std::ranges::min_element(candidates, {}, &CandidateTime::seconds);
  const CandidateTime& usual = candidates.front();
  return best->seconds < usual.seconds * (1 - kWorthwhile) ? best->kernel : usual.kernel;
}

std::vector<TunedOp> tune(std::span<const Program* const> programs, Device& device,
                          const TuneOptions& options) {
  std::vector<TunedOp> ops;
  std::vector<const Step*> steps;
  for (const Program* program : programs) {
    for (const Step& step : program->steps) {
      TunedOp op{std::string(name(step.op)), step.scope, shape_key(step), {}, {}};
      const auto is_known = [&](const TunedOp& o) { return o.op == op.op && o.shape == op.shape; };
      if (std::ranges::any_of(ops, is_known)) continue;
      for (const std::string& kernel : device.candidates(step))
        op.candidates.push_back({kernel, 0});
      if (op.candidates.empty()) continue;
      ops.push_back(std::move(op));
      steps.push_back(&step);
    }
  }
  std::optional<TuneCache> cache;
  if (!options.cache.empty() && !ops.empty()) cache.emplace(options.cache, options.warn);
  std::vector<TuneAnswer> measured;
  std::vector<TunedOp*> asked;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    TunedOp& op = ops[i];
    if (cache && !options.again) {
      if (const auto answer = cache->find(answer_of(op, device, options.threads))) {
        take(*answer, op);
        op.known = true;
        continue;
      }
    }
    std::vector<std::string> kernels;
    for (const CandidateTime& candidate : op.candidates) kernels.push_back(candidate.kernel);
    const std::vector<double> times = device.time_candidates(*steps[i], kernels, options.seconds);
    for (std::size_t k = 0; k < times.size(); ++k) op.candidates[k].seconds = times[k];
    op.kernel = winner_of(op.candidates);
    measured.push_back(answer_of(op, device, options.threads));
    asked.push_back(&op);
  }
  if (cache && !measured.empty()) {
    const std::vector<TuneAnswer> stands = cache->add(measured, options.again);
    for (std::size_t i = 0; i < stands.size(); ++i) take(stands[i], *asked[i]);
  }
  return ops;
}

KernelChoices choices_of(const std::vector<TunedOp>& ops, const Device& device) {
  KernelChoices choices{device.instruction_set(), {}, device.arithmetic_revision()};
  for (const TunedOp& op : ops) choices.ops.push_back({op.op, op.shape, op.kernel});
  return choices;
}

}  // namespace treino::train
