// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cuda/executable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "treino/backend/cuda/order.h"
#include "treino/base/error.h"
#include "treino/runtime/bind.h"
#include "treino/runtime/tensor_bytes.h"

namespace treino::cuda {

namespace {

// Samples of a step: the rows it gathers; 0 where it gathers none.
std::int64_t batch_of(const Program& program) {
  for (const Step& step : program.steps) {
    if (step.op == Op::gather_rows) return step.outputs[0].type.shape[0];
  }
  return 0;
}

// Names the step with the largest result and the batch that would fit.
// `fixed` of the bytes do not grow with the batch.
[[noreturn]] void refuse(const Program& program, std::int64_t bytes, std::int64_t fixed,
                         const Gpu::Free& memory) {
  const Step* largest = nullptr;
  std::int64_t most = -1;
  for (const Step& step : program.steps) {
    for (const Tensor& output : step.outputs) {
      if (output.space != Space::arena || bytes_of(output) <= most) continue;
      most = bytes_of(output);
      largest = &step;
    }
  }
  std::string text = fmt::format("the GPU's memory is full: program {} asked for {}", program.name,
                                 bytes_text(bytes));
  if (largest != nullptr) {
    text +=
        fmt::format(" ({}{} alone takes {})", largest->scope.empty() ? "" : largest->scope + "'s ",
                    name(largest->op), bytes_text(most));
  }
  text += fmt::format(", {} of {} are free{}; ", bytes_text(memory.free), bytes_text(memory.total),
                      memory.limited ? " (--vram-limit)" : "");
  const std::int64_t batch = batch_of(program);
  const double share =
      static_cast<double>(memory.free - fixed) / static_cast<double>(bytes - fixed);
  const auto fits = static_cast<std::int64_t>(static_cast<double>(batch) * std::max(share, 0.0));
  if (fits >= 1 && program.name == "train")
    text += fmt::format("a batch of {} instead of {} would fit (--set train.batch={})", fits, batch,
                        fits);
  else
    text += "end other programs on the GPU, or train with --device cpu";
  throw Error::work(text);
}

// Whether TREINO_CUDA_STEP asks for that way to run steps.
bool is_asked(std::string_view way) {
  const char* chosen = std::getenv("TREINO_CUDA_STEP");
  return chosen != nullptr && chosen == way;
}

}  // namespace

CudaExecutable::CudaExecutable(const Program& program, CudaStore& store,
                               std::shared_ptr<Workspace> workspace, std::shared_ptr<Gpu> gpu,
                               std::shared_ptr<Libraries> libraries)
    : gpu_(std::move(gpu)),
      libraries_(std::move(libraries)),
      workspace_(std::move(workspace)),
      program_(program) {
  gpu_->use();
  for (const int place : bind_variables(program, store))
    variables_.push_back(place < 0 ? 0 : store.address(place));
  const Plan plan = plan_at(0);  // for its sizes
  arena_bytes_ = padded(program.arena_bytes);
  scratch_bytes_ = padded(plan.scratch_bytes);
  group_bytes_ = static_cast<std::int64_t>(plan.groups.size() * sizeof(FusedGroup));
  counters_ = plan.counters;
  choices_.resize(program.steps.size());
  for (const Launch& launch : plan.launches) {
    std::string& choice = choices_[static_cast<std::size_t>(launch.step)];
    choice += (!choice.empty() ? ", " : launch.library ? "" : "own cuda ") + launch.name();
  }
  for (std::string& choice : choices_) {
    if (choice.empty()) choice = "own cuda, in another's launch";
  }
  if (!is_asked("single") && !is_asked("levels")) steps_ = steps_of_a_graph(plan.launches.size());
  arenas_ = arenas_of_a_graph(steps_, arena_bytes_);
  prepare();
}

std::int64_t CudaExecutable::counter_bytes() const {
  return padded(counters_ * static_cast<std::int64_t>(sizeof(unsigned)));
}

Address CudaExecutable::groups_at(int turn) const {
  return own_.address() + static_cast<Address>(counter_bytes() + turn * group_bytes_);
}

// Its launches where the program's memory is now, for the `turn`th of steps in a row.
Plan CudaExecutable::plan_at(int turn) const {
  const auto within = [&](std::int64_t bytes) {
    return workspace_->address() + static_cast<Address>(bytes);
  };
  return make_plan(program_, {.arena = within(turn * arena_bytes_),
                              .scratch = within(arenas_ * arena_bytes_),
                              .groups = groups_at(turn),
                              .counters = own_.address(),
                              .variables = variables_,
                              .libraries = libraries_.get()});
}

// Has room for the program, with one arena where there is none for two.
void CudaExecutable::reserve() {
  const std::int64_t own = counter_bytes() + arenas_ * group_bytes_;
  const std::int64_t least = arena_bytes_ + scratch_bytes_;
  if (!own_) own_ = Block(gpu_, own);
  if (!own_) {  // others may have more than they must
    workspace_->release();
    own_ = Block(gpu_, own);
  }
  if (own_ && workspace_->reserve(arenas_ * arena_bytes_ + scratch_bytes_, least)) return;
  arenas_ = 1;
  if (own_ && workspace_->reserve(least, least)) return;
  workspace_->release();
  const std::int64_t beside = own_ ? 0 : own;
  const std::int64_t shared =
      scratch_bytes_ > kEnoughScratch ? scratch_bytes_ : 0;  // hardly shrinks
  refuse(program_, std::max(least, workspace_->least()) + beside, shared + beside, gpu_->memory());
}

// Makes what has addresses in it anew where the workspace has moved.
void CudaExecutable::prepare() {
  if (version_ == workspace_->version()) return;
  reserve();
  if (counters_ > 0) gpu_->clear(own_.address(), counter_bytes());
  several_.reset();
  one_.reset();
  table_block_ = Block();
  plans_.clear();
  add_plan();
  prepare_levels();
  if (!table_block_) {
    one_ = gpu_->graph_of(plans_[0].launches);
    if (!one_) gpu_->check(Result::out_of_memory, "making a graph of a step");
  }
  version_ = workspace_->version();
}

void CudaExecutable::add_plan() {
  const auto turn = static_cast<int>(plans_.size());
  const Plan& plan = plans_.emplace_back(plan_at(turn));
  if (group_bytes_ == 0) return;
  gpu_->write(groups_at(turn), plan.groups.data(), static_cast<std::size_t>(group_bytes_),
              "fused groups");
}

// Only where TREINO_CUDA_STEP=levels asks for it: a barrier of all blocks costs an H200 more than
// the edge of a graph (docs/cuda.md).
void CudaExecutable::prepare_levels() {
  const std::vector<Launch>& launches = plans_[0].launches;
  if (!is_asked("levels") || launches.empty()) return;
  table_ = make_levels(launches);
  if (!gpu_->can_run(table_)) return;
  table_block_ = Block(gpu_, static_cast<std::int64_t>(table_.data.size() + sizeof(unsigned)));
  if (!table_block_) return;
  gpu_->write(table_block_.address(), table_.data.data(), table_.data.size(), "a program");
  table_.levels.data = reinterpret_cast<const std::byte*>(table_block_.address());
  table_.levels.barrier = reinterpret_cast<unsigned*>(table_block_.address() + table_.data.size());
}

// Where the driver has no memory for so many launches it stays at one step a graph.
void CudaExecutable::prepare_several() {
  if (several_) return;
  while (static_cast<int>(plans_.size()) < arenas_) add_plan();
  several_ = gpu_->graph_of(in_a_row(plans_, steps_));
  if (!several_) steps_ = 1;
}

void CudaExecutable::run(std::int64_t steps) {
  gpu_->use();
  prepare();
  if (table_block_) {
    gpu_->clear(reinterpret_cast<Address>(table_.levels.barrier), sizeof(unsigned));
    gpu_->run(table_, steps);
    return gpu_->wait();
  }
  if (steps_ > 1 && steps >= steps_) prepare_several();
  for (; steps_ > 1 && steps >= steps_; steps -= steps_) gpu_->run(several_);
  for (; steps > 0; --steps) gpu_->run(one_);
  gpu_->wait();
}

// By a graph, so that no launch waits for the host.
StepTimes CudaExecutable::profile(std::int64_t steps) {
  gpu_->use();
  prepare();
  const Driver& api = gpu_->driver();
  std::vector<Launch> launches = plans_[0].launches;
  launches.emplace_back().blocks = 1;  // one of no index: it does nothing
  StepTimes times{.runs = steps, .seconds = std::vector<double>(choices_.size(), 0)};
  for (const Launch& launch : plans_[0].launches)
    times.launches.push_back({launch.name(), launch.step, 0, launch.after});
  std::vector<Event> events(launches.size() + 1, nullptr);
  for (Event& event : events) gpu_->check(api->event_create(&event, 0), "making an event");
  const OwnGraph graph = gpu_->timed(launches, events);
  if (!graph) gpu_->check(Result::out_of_memory, "making a graph of a step");
  for (std::int64_t i = 0; i < steps; ++i) {
    gpu_->run(graph);
    gpu_->wait();
    for (std::size_t k = 0; k < launches.size(); ++k) {
      float milliseconds = 0;
      gpu_->check(api->event_elapsed(&milliseconds, events[k], events[k + 1]), "reading an event");
      const double seconds = milliseconds / 1e3;
      if (k == plans_[0].launches.size()) {
        times.empty_launch += seconds;
        continue;
      }
      times.launches[k].seconds += seconds;
      times.seconds[static_cast<std::size_t>(launches[k].step)] += seconds;
    }
  }
  for (Event event : events) api->event_destroy(event);
  return times;
}

}  // namespace treino::cuda
