// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cuda/executable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

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
  if (fits >= 1)
    text += fmt::format("a batch of {} instead of {} would fit (--set train.batch={})", fits, batch,
                        fits);
  else
    text += "end other programs on the GPU, or train with --device cpu";
  throw Error::work(text);
}

}  // namespace

CudaExecutable::CudaExecutable(const Program& program, CudaStore& store, std::shared_ptr<Gpu> gpu)
    : gpu_(std::move(gpu)) {
  Planner::Places places;
  for (const int place : bind_variables(program, store))
    places.variables.push_back(place < 0 ? 0 : store.address(place));
  plan_ = make_plan(program, places);  // for its sizes
  allocate(program);
  places.arena = arena_.address();
  places.scratch = scratch_.address();
  places.groups = groups_.address();
  places.counters = counters_.address();
  plan_ = make_plan(program, places);
  if (!plan_.groups.empty()) {
    gpu_->write(groups_.address(), plan_.groups.data(), plan_.groups.size() * sizeof(FusedGroup),
                "fused groups");
  }
  choices_.resize(program.steps.size());
  for (const Launch& launch : plan_.launches) {
    std::string& choice = choices_[static_cast<std::size_t>(launch.step)];
    choice += (choice.empty() ? "own cuda " : ", ") +
              std::string(kKernelNames[static_cast<int>(launch.kernel)]);
  }
  for (std::string& choice : choices_) {
    if (choice.empty()) choice = "own cuda, in another's launch";
  }
  prepare_levels();
  if (!table_block_) graph_ = gpu_->graph_of(plan_.launches);
}

// Only where TREINO_CUDA_STEP=levels asks for it: a barrier of all blocks costs an H200 more than
// the edge of a graph (docs/cuda.md).
void CudaExecutable::prepare_levels() {
  const char* chosen = std::getenv("TREINO_CUDA_STEP");
  if (chosen == nullptr || std::string_view(chosen) != "levels" || plan_.launches.empty()) return;
  table_ = make_levels(plan_.launches);
  if (!gpu_->can_run(table_)) return;
  table_block_ = Block(gpu_, static_cast<std::int64_t>(table_.data.size() + sizeof(unsigned)));
  if (!table_block_) return;
  gpu_->write(table_block_.address(), table_.data.data(), table_.data.size(), "a program");
  table_.levels.data = reinterpret_cast<const std::byte*>(table_block_.address());
  table_.levels.barrier = reinterpret_cast<unsigned*>(table_block_.address() + table_.data.size());
}

void CudaExecutable::allocate(const Program& program) {
  const auto groups = static_cast<std::int64_t>(plan_.groups.size() * sizeof(FusedGroup));
  const auto counters = plan_.counters * static_cast<std::int64_t>(sizeof(unsigned));
  const Gpu::Free memory = gpu_->memory();
  arena_ = Block(gpu_, program.arena_bytes);
  scratch_ = Block(gpu_, plan_.scratch_bytes);
  groups_ = Block(gpu_, groups);
  counters_ = Block(gpu_, counters);
  if (!arena_ || !scratch_ || !groups_ || !counters_) {
    const std::int64_t fixed = groups + counters;
    refuse(program, program.arena_bytes + plan_.scratch_bytes + fixed, fixed, memory);
  }
  if (counters > 0) {
    gpu_->clear(counters_.address(), counters);
  }
}

CudaExecutable::~CudaExecutable() {
  if (graph_ == nullptr) return;
  try {
    gpu_->use();
  } catch (const Error&) {  // the GPU is lost; nothing is left to give back
    return;
  }
  gpu_->driver()->graph_exec_destroy(graph_);
}

void CudaExecutable::run(std::int64_t steps) {
  gpu_->use();
  if (table_block_) {
    gpu_->clear(reinterpret_cast<Address>(table_.levels.barrier), sizeof(unsigned));
    gpu_->run(table_, steps);
    return gpu_->wait();
  }
  const Driver& api = gpu_->driver();
  for (std::int64_t i = 0; i < steps; ++i)
    gpu_->check(api->graph_launch(graph_, gpu_->stream()), "running a step");
  gpu_->wait();
}

// By a graph, so that no launch waits for the host.
StepTimes CudaExecutable::profile(std::int64_t steps) {
  gpu_->use();
  const Driver& api = gpu_->driver();
  std::vector<Launch> launches = plan_.launches;
  launches.emplace_back().blocks = 1;  // one of no index: it does nothing
  StepTimes times{.runs = steps, .seconds = std::vector<double>(choices_.size(), 0)};
  for (const Launch& launch : plan_.launches)
    times.launches.push_back(
        {kKernelNames[static_cast<int>(launch.kernel)], launch.step, 0, launch.after});
  std::vector<Event> events(launches.size() + 1, nullptr);
  for (Event& event : events) gpu_->check(api->event_create(&event, 0), "making an event");
  GraphExec graph = gpu_->timed(launches, events);
  for (std::int64_t i = 0; i < steps; ++i) {
    gpu_->check(api->graph_launch(graph, gpu_->stream()), "running a step");
    gpu_->wait();
    for (std::size_t k = 0; k < launches.size(); ++k) {
      float milliseconds = 0;
      gpu_->check(api->event_elapsed(&milliseconds, events[k], events[k + 1]), "reading an event");
      const double seconds = milliseconds / 1e3;
      if (k == plan_.launches.size()) {
        times.empty_launch += seconds;
        continue;
      }
      times.launches[k].seconds += seconds;
      times.seconds[static_cast<std::size_t>(launches[k].step)] += seconds;
    }
  }
  api->graph_exec_destroy(graph);
  for (Event event : events) api->event_destroy(event);
  return times;
}

}  // namespace treino::cuda
