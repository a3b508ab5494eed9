// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cpu/candidates.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "treino/backend/cpu/executable.h"
#include "treino/base/rng.h"

namespace treino::cpu {

namespace {

constexpr double kWindow = 1e-3;  // seconds between two looks at the clock, where a step is shorter
constexpr int kLeastRounds = 5;
constexpr std::size_t kPlace = 2;  // the third least counts: one lucky moment does not decide
constexpr double kHopeless = 2;    // times the best: not worth more than the least rounds

// The step alone, its operands and results variables of a store.
Program alone(const Step& step) {
  Program program;
  program.name = "candidate";
  program.steps = {step};
  const auto place = [&](Tensor& tensor, const char* what, Role role) {
    tensor.space = Space::variable;
    tensor.variable = static_cast<int>(program.variables.size());
    tensor.offset = 0;
    program.variables.push_back({fmt::format("{}{}", what, tensor.variable), tensor.type, role});
  };
  Step& own = program.steps.front();
  // Not parameters: what is made of those alone is not done in every run.
  for (Tensor& input : own.inputs) place(input, "in", Role::optimizer);
  for (Tensor& output : own.outputs) place(output, "out", Role::metric);
  return program;
}

PlanOptions forced(const PlanOptions& options, Convolutions convolutions) {
  PlanOptions own = options;
  own.convolutions = convolutions;
  own.chosen.clear();
  return own;
}

std::string served(const Program& program, const PlanOptions& options) {
  return make_plan(program, options).heavy.at(0).kernel;
}

void fill(CpuStore& store) {
  Rng rng(1, 1);
  for (int i = 0; i < static_cast<int>(store.variables().size()); ++i) {
    const Variable& variable = store.variables()[static_cast<std::size_t>(i)];
    if (variable.role != Role::optimizer) continue;
    HostTensor value(DType::f32, variable.type.shape);
    for (float& x : value.as<float>()) x = static_cast<float>(rng.next_u32()) * 0x1p-32F - 0.5F;
    store.write(i, value);
  }
}

using Clock = std::chrono::steady_clock;

double seconds_of(Executable& executable, std::int64_t steps) {
  const Clock::time_point start = Clock::now();
  executable.run(steps);
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

Convolutions convolutions_named(std::string_view name) {
  const auto* found = std::ranges::find(kConvolutions, name);
  return found == std::end(kConvolutions)
             ? Convolutions::by_table
             : static_cast<Convolutions>(found - std::begin(kConvolutions));
}

std::vector<std::string> candidates_of(const Step& step, const PlanOptions& options) {
  if (!is_convolution(step.op) || options.convolutions != Convolutions::by_table ||
      step.inputs[0].type.dtype != DType::f32)
    return {};
  const Program program = alone(step);
  std::vector<std::string> names{served(program, forced(options, Convolutions::by_table))};
  for (const std::string_view kernel : kConvolutions) {
    const Convolutions named = convolutions_named(kernel);
    if (named == Convolutions::by_table || kernel == names.front()) continue;
    if (served(program, forced(options, named)) == kernel) names.emplace_back(kernel);
  }
  return names.size() > 1 ? names : std::vector<std::string>{};
}

std::vector<double> time_candidates(const Step& step, std::span<const std::string> kernels,
                                    double seconds, const PlanOptions& options,
                                    const std::shared_ptr<ThreadTeam>& team) {
  const Program program = alone(step);
  CpuStore store(program.variables);
  fill(store);
  struct Runner {
    std::unique_ptr<CpuExecutable> executable;
    std::int64_t steps = 1;
    std::vector<double> least{};  // of its windows, kPlace + 1 of them in order
    double spent = 0;

    double best() const { return least.back(); }
    void add(double each) {
      least.insert(std::ranges::upper_bound(least, each), each);
      if (least.size() > kPlace + 1) least.pop_back();
    }
  };
  std::vector<Runner> runners;
  for (const std::string& kernel : kernels) {
    Runner runner;
    runner.executable = std::make_unique<CpuExecutable>(
        program, store, team, forced(options, convolutions_named(kernel)));
    seconds_of(*runner.executable, 1);  // touches its memory
    const double once = seconds_of(*runner.executable, 1);
    runner.steps = std::clamp<std::int64_t>(static_cast<std::int64_t>(kWindow / once), 1, 1000);
    runners.push_back(std::move(runner));
  }
  double least = std::numeric_limits<double>::infinity();
  bool more = true;
  for (int round = 0; more; ++round) {
    more = round + 1 < kLeastRounds;
    for (Runner& runner : runners) {
      if (round >= kLeastRounds && (runner.best() > kHopeless * least || runner.spent >= seconds))
        continue;
      const double took = seconds_of(*runner.executable, runner.steps);
      runner.spent += took;
      runner.add(took / static_cast<double>(runner.steps));
      more = more || (runner.spent < seconds && runner.best() <= kHopeless * least);
    }
    for (const Runner& runner : runners) least = std::min(least, runner.best());
  }
  std::vector<double> best;
  for (const Runner& runner : runners) best.push_back(runner.best());
  return best;
}

}  // namespace treino::cpu
