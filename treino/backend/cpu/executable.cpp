// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cpu/executable.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "treino/backend/cpu/separate.h"
#include "treino/base/error.h"
#include "treino/runtime/tensor_bytes.h"

namespace treino::cpu {

namespace {

std::vector<int> find_variables(const Program& program, CpuStore& store) {
  std::vector<int> indices;
  for (const Variable& variable : program.variables) {
    const int index = store.find(variable.name);
    const TensorType& type = store.variables()[static_cast<std::size_t>(index)].type;
    if (!(type == variable.type)) {
      throw Error::mistake(fmt::format("{} is {}{} in the program {} and {}{} in the store",
                                       variable.name, to_string(variable.type.dtype),
                                       to_string(variable.type.shape), program.name,
                                       to_string(type.dtype), to_string(type.shape)));
    }
    indices.push_back(index);
  }
  return indices;
}

// About half a microsecond: a worker that is there comes sooner, mostly.
constexpr int kLooksBeforeHelp = 50;

constexpr std::int64_t kSmallTensor = 128 << 10;

std::size_t padded(Index bytes) {
  return static_cast<std::size_t>((bytes + 4095) / 4096 * 4096);
}

}  // namespace

CpuExecutable::CpuExecutable(const Program& planned, CpuStore& store,
                             std::shared_ptr<ThreadTeam> team, const PlanOptions& options,
                             std::shared_ptr<Workspace> workspace)
    : store_(store),
      team_(std::move(team)),
      store_index_(find_variables(planned, store)),
      workspace_(workspace != nullptr ? std::move(workspace) : std::make_shared<Workspace>()),
      claims_(team_->size()) {
  const Kept kept = keep_constants(planned);
  const Program program = separate_small_tensors(kept.program, kSmallTensor);
  plan_ = make_plan(program, options);
  const std::vector<Phase> constant = take_constant_phases(kept);
  constant_levels_ = make_levels(constant, team_->size());
  levels_ = make_levels(join_updates(plan_, join_gradients(plan_, team_->size())), team_->size());
  place_kept(program);
  workspace_->reserve(padded(program.arena_bytes),
                      padded(plan_.worker_bytes) * static_cast<std::size_t>(team_->size()));
  scratch_ = Memory(padded(plan_.scratch_bytes));
  for (const Step& step : planned.steps) {
    for (const Tensor& output : step.outputs) {
      if (output.space != Space::variable) continue;
      written_.push_back(store_index_[static_cast<std::size_t>(output.variable)]);
      store.own(written_.back());
    }
  }
  settle_pointers();
}

std::vector<Phase> CpuExecutable::take_constant_phases(const Kept& kept) {
  std::vector<Phase> taken, left;
  for (Phase& phase : plan_.phases) {
    const bool constant =
        kept.steps[static_cast<std::size_t>(phase.step)] ||
        (phase.prepares && std::ranges::all_of(phase.reads, [&](const Extent& read) {
           return read.space >= 2 && kept.constant[static_cast<std::size_t>(read.space - 2)];
         }));
    if (constant) {
      for (const Extent& read : phase.reads) {
        const auto variable = static_cast<std::size_t>(read.space - 2);
        if (read.space >= 2 && variable < store_index_.size())
          constants_.push_back({store_index_[variable]});
      }
    }
    (constant ? taken : left).push_back(std::move(phase));
  }
  // What is made of a kernel is large: who reads it does not chain, as if it stood behind the
  // making.
  for (Phase& phase : left) {
    phase.leads = std::ranges::any_of(
        taken, [&](const Phase& other) { return other.prepares && other.step == phase.step; });
  }
  plan_.phases = std::move(left);
  return taken;
}

void CpuExecutable::place_kept(const Program& program) {
  std::size_t bytes = 0;
  for (std::size_t i = store_index_.size(); i < program.variables.size(); ++i) {
    kept_offsets_.push_back(bytes);
    bytes += whole_lines(static_cast<std::size_t>(bytes_of(program.variables[i].type)));
  }
  kept_ = Memory(padded(static_cast<Index>(bytes)));
}

std::byte* CpuExecutable::base(int space) {
  if (space == 0) return workspace_->arena();
  if (space == 1) return scratch_.data();
  const auto variable = static_cast<std::size_t>(space - 2);
  if (variable < store_index_.size()) return store_.data(store_index_[variable]);
  return kept_.data() + kept_offsets_[variable - store_index_.size()];
}

void CpuExecutable::settle_pointers() {
  if (generation_ == store_.generation() && workspace_generation_ == workspace_->generation())
    return;
  for (const Fixup& fixup : plan_.fixups) *fixup.where = base(fixup.space) + fixup.offset;
  generation_ = store_.generation();
  workspace_generation_ = workspace_->generation();
}

void CpuExecutable::refresh_constants() {
  if (constant_levels_.empty()) return;
  bool fresh = constants_current_;
  for (Constant& constant : constants_) {
    const std::int64_t version = store_.version(constant.variable);
    fresh = fresh && version == constant.version;
    constant.version = version;
  }
  if (!fresh) run_levels(constant_levels_, 1);
  constants_current_ = true;
}

void CpuExecutable::run(std::int64_t steps) {
  settle_pointers();
  refresh_constants();
  run_levels(levels_, steps);
  for (const int variable : written_) store_.changed(variable);
}

void CpuExecutable::run_levels(const std::vector<Level>& levels, std::int64_t steps) {
  steps_ = steps;
  running_ = &levels;
  team_->run([](void* self, int worker) { static_cast<CpuExecutable*>(self)->work(worker); }, this);
  rounds_ += static_cast<std::uint64_t>(steps) * levels.size();
  for (const Level& level : levels) units_ += steps * level.units;
}

void CpuExecutable::run_slice(const Task& task, Index slice, int worker) {
  std::byte* scratch =
      workspace_->workers() + padded(plan_.worker_bytes) * static_cast<std::size_t>(worker);
  for (const Stage& stage : task.stages) stage.run(stage.state, slice, scratch);
}

void CpuExecutable::run_share(const Share& share, int worker) {
  for (const Task& task : share.tasks) {
    for (Index slice = task.begin; slice < task.end; ++slice) run_slice(task, slice, worker);
  }
}

Index CpuExecutable::take_share(const Level& level, int owner, std::uint64_t round, int worker) {
  const Share& share = level.shares[static_cast<std::size_t>(owner)];
  Index done = 0, first = 0;  // first: number of the task's first slice within the share
  auto task = share.tasks.begin();
  for (;; ++done) {
    const Index unit = claims_.take(owner, round, share.units());
    if (unit == share.units()) return done;
    const auto number = static_cast<std::size_t>(unit);
    for (Index i = unit == 0 ? 0 : share.ends[number - 1]; i < share.ends[number]; ++i) {
      while (i - first >= task->end - task->begin) first += task->end - task->begin, ++task;
      run_slice(*task, task->begin + i - first, worker);
    }
  }
}

// The others' shares are left to them unless they are late: their data are in their caches.
void CpuExecutable::finish_level(const Level& level, std::uint64_t round, std::int64_t total,
                                 int worker) {
  for (int look = 0; look < kLooksBeforeHelp; ++look) {
    if (claims_.reached(total)) return;
    pause_once();
  }
  const int size = team_->size();
  for (int other = 1; other < size; ++other) {
    const Index helped = take_share(level, (worker + other) % size, round, worker);
    if (helped > 0) claims_.done(worker, helped, total);
  }
  claims_.await(total, team_->looks());
}

void CpuExecutable::work(int worker) {
  if (team_->size() == 1) {
    for (std::int64_t step = 0; step < steps_; ++step) {
      for (const Level& level : *running_) run_share(level.shares[0], 0);
    }
    return;
  }
  std::uint64_t round = rounds_;
  std::int64_t total = units_;
  for (std::int64_t step = 0; step < steps_; ++step) {
    for (const Level& level : *running_) {
      ++round;
      total += level.units;
      claims_.done(worker, take_share(level, worker, round, worker), total);
      finish_level(level, round, total, worker);
    }
  }
}

StepTimes CpuExecutable::profile(std::int64_t steps) {
  settle_pointers();
  refresh_constants();
  if (profile_levels_.empty()) profile_levels_ = make_profile_levels(plan_.phases, team_->size());
  StepTimes times;
  times.runs = steps;
  times.seconds.assign(plan_.choices.size(), 0);
  steps_ = steps;
  times_ = &times;
  team_->run([](void* self, int worker) { static_cast<CpuExecutable*>(self)->work_timed(worker); },
             this);
  times_ = nullptr;
  for (const int variable : written_) store_.changed(variable);
  return times;
}

void CpuExecutable::work_timed(int worker) {
  using Clock = std::chrono::steady_clock;
  for (std::int64_t step = 0; step < steps_; ++step) {
    for (std::size_t i = 0; i < profile_levels_.size(); ++i) {
      const Clock::time_point start = Clock::now();
      run_share(profile_levels_[i].shares[static_cast<std::size_t>(worker)], worker);
      team_->barrier(worker);
      if (worker != 0) continue;
      times_->seconds[static_cast<std::size_t>(plan_.phases[i].step)] +=
          std::chrono::duration<double>(Clock::now() - start).count();
    }
  }
}

}  // namespace treino::cpu
