// SPDX-License-Identifier: Apache-2.0
// Kernels run at once, in the calling thread; those of a graph as late ones first as their edges
// allow, or, where "order" of the scenario (fake_driver.h) is a seed, drawn from those that may
// come next: so that a missing edge shows.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "tests/cuda/fakes/fake_driver.h"

namespace treino::cuda {

struct ModuleHandle {};
struct GraphNodeHandle {
  std::function<void()> run;
  std::vector<std::size_t> after;
  std::size_t number;
};
struct GraphHandle {
  std::vector<std::unique_ptr<GraphNodeHandle>> nodes;
};
struct GraphExecHandle {
  std::vector<std::function<void()>> nodes;
  std::size_t bytes = 0;
};
struct StreamHandle {};
struct EventHandle {
  std::chrono::steady_clock::time_point time;
};

namespace {

// Of two parameters: the kernel's arguments in one structure, and how many indices there are.
std::function<void()> work_of(Function function, void** parameters) {
  const auto* kernel = reinterpret_cast<const FakeKernel*>(function);
  std::vector<std::byte> arguments(kernel->argument_bytes);
  std::memcpy(arguments.data(), parameters[0], arguments.size());
  std::int64_t count = 0;
  std::memcpy(&count, parameters[1], sizeof count);
  return
      [kernel, arguments = std::move(arguments), count] { kernel->run(arguments.data(), count); };
}

GraphNode added(Graph graph, std::function<void()> run, const GraphNode* after, std::size_t count) {
  auto made = std::make_unique<GraphNodeHandle>();
  made->run = std::move(run);
  for (std::size_t i = 0; i < count; ++i) made->after.push_back(after[i]->number);
  made->number = graph->nodes.size();
  graph->nodes.push_back(std::move(made));
  return graph->nodes.back().get();
}

// What comes into the stream meanwhile.
Graph caught = nullptr;

bool valid(unsigned grid, unsigned block) {
  return grid > 0 && block > 0 && block <= 1024;
}

}  // namespace

void enqueue(std::function<void()> run) {
  if (caught == nullptr) return run();
  const GraphNode before = caught->nodes.empty() ? nullptr : caught->nodes.back().get();
  added(caught, std::move(run), &before, before == nullptr ? 0 : 1);
}

extern "C" {

Result cuModuleLoadData(Module* module, const void* image) {
  TREINO_FAKE(cuModuleLoadData, true);
  if (image == nullptr) return Result::invalid_value;
  *module = new ModuleHandle;
  return Result::success;
}

Result cuModuleUnload(Module module) {
  TREINO_FAKE(cuModuleUnload, true);
  delete module;
  return Result::success;
}

Result cuModuleGetFunction(Function* function, Module, const char* name) {
  TREINO_FAKE(cuModuleGetFunction, true);
  const FakeKernel* kernel = fake_kernel(name);
  if (kernel == nullptr) return Result::not_found;
  *function = const_cast<Function>(reinterpret_cast<const FunctionHandle*>(kernel));
  return Result::success;
}

Result cuStreamCreate(Stream* stream, unsigned) {
  TREINO_FAKE(cuStreamCreate, true);
  *stream = new StreamHandle;
  return Result::success;
}

Result cuStreamDestroy_v2(Stream stream) {
  TREINO_FAKE(cuStreamDestroy_v2, true);
  delete stream;
  return Result::success;
}

Result cuStreamSynchronize(Stream) {
  TREINO_FAKE(cuStreamSynchronize, true);
  return Result::success;
}

Result cuStreamBeginCapture_v2(Stream stream, CaptureMode) {
  TREINO_FAKE(cuStreamBeginCapture_v2, true);
  if (stream == nullptr || caught != nullptr) return Result::invalid_value;
  caught = new GraphHandle;
  return Result::success;
}

Result cuStreamEndCapture(Stream, Graph* graph) {
  TREINO_FAKE(cuStreamEndCapture, true);
  if (caught == nullptr) return Result::invalid_value;
  *graph = std::exchange(caught, nullptr);
  return Result::success;
}

Result cuLaunchCooperativeKernel(Function function, unsigned grid, unsigned, unsigned,
                                 unsigned block, unsigned, unsigned, unsigned, Stream,
                                 void** parameters) {
  TREINO_FAKE(cuLaunchCooperativeKernel, true);
  if (!valid(grid, block)) return Result::invalid_value;
  work_of(function, parameters)();
  return Result::success;
}

Result cuFuncSetAttribute(Function, FunctionAttribute, int) {
  TREINO_FAKE(cuFuncSetAttribute, true);
  return Result::success;
}

Result cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, Function, int, std::size_t) {
  TREINO_FAKE(cuOccupancyMaxActiveBlocksPerMultiprocessor, true);
  *blocks = 1;
  return Result::success;
}

Result cuGraphCreate(Graph* graph, unsigned) {
  TREINO_FAKE(cuGraphCreate, true);
  *graph = new GraphHandle;
  return Result::success;
}

Result cuGraphAddKernelNode_v2(GraphNode* node, Graph graph, const GraphNode* after,
                               std::size_t count, const KernelNode* kernel) {
  TREINO_FAKE(cuGraphAddKernelNode_v2, true);
  if (!valid(kernel->grid[0], kernel->block[0])) return Result::invalid_value;
  *node = added(graph, work_of(kernel->function, kernel->parameters), after, count);
  return Result::success;
}

Result cuGraphAddDependencies_v2(Graph graph, const GraphNode* from, const GraphNode* to,
                                 const GraphEdge* edges, std::size_t count) {
  TREINO_FAKE(cuGraphAddDependencies_v2, true);
  for (std::size_t i = 0; i < count; ++i) {
    if (std::memcmp(edges + i, &kEarlyEdge, sizeof kEarlyEdge) != 0 &&
        std::memcmp(edges + i, &kFullEdge, sizeof kFullEdge) != 0)
      return Result::invalid_value;
    if (graph->nodes[to[i]->number].get() != to[i]) return Result::invalid_value;
    to[i]->after.push_back(from[i]->number);
  }
  return Result::success;
}

Result cuGraphAddEventRecordNode(GraphNode* node, Graph graph, const GraphNode* after,
                                 std::size_t count, Event event) {
  TREINO_FAKE(cuGraphAddEventRecordNode, true);
  *node = added(
      graph, [event] { event->time = std::chrono::steady_clock::now(); }, after, count);
  return Result::success;
}

// The child is the caller's and copied, its nodes in their order.
Result cuGraphAddChildGraphNode(GraphNode* node, Graph graph, const GraphNode* after,
                                std::size_t count, Graph child) {
  TREINO_FAKE(cuGraphAddChildGraphNode, true);
  std::vector<std::function<void()>> all;
  for (const auto& one : child->nodes) all.push_back(one->run);
  *node = added(
      graph,
      [all = std::move(all)] {
        for (const auto& run : all) run();
      },
      after, count);
  return Result::success;
}

Result cuGraphDestroy(Graph graph) {
  TREINO_FAKE(cuGraphDestroy, true);
  delete graph;
  return Result::success;
}

#ifndef FAKE_CUDA_OLD
Result cuGraphInstantiateWithFlags(GraphExec* exec, Graph graph, unsigned long long) {
  TREINO_FAKE(cuGraphInstantiateWithFlags, true);
  auto made = std::make_unique<GraphExecHandle>();
  made->bytes = graph->nodes.size() * scenario().value("node_bytes", std::size_t{0});
  if (!take_bytes(made->bytes)) return Result::out_of_memory;
  std::vector<bool> done(graph->nodes.size());
  std::mt19937 drawn(scenario().value("order", 0U));
  while (made->nodes.size() < graph->nodes.size()) {
    std::vector<std::size_t> next;
    for (std::size_t i = 0; i < graph->nodes.size(); ++i) {
      const std::vector<std::size_t>& after = graph->nodes[i]->after;
      if (!done[i] &&
          std::all_of(after.begin(), after.end(), [&](std::size_t other) { return done[other]; }))
        next.push_back(i);
    }
    const std::size_t one =
        scenario().contains("order") ? next[drawn() % next.size()] : next.back();
    done[one] = true;
    made->nodes.push_back(graph->nodes[one]->run);
  }
  *exec = made.release();
  return Result::success;
}
#endif

Result cuGraphLaunch(GraphExec exec, Stream) {
  TREINO_FAKE(cuGraphLaunch, true);
  for (const auto& run : exec->nodes) run();
  return Result::success;
}

Result cuGraphExecDestroy(GraphExec exec) {
  TREINO_FAKE(cuGraphExecDestroy, true);
  give_bytes(exec->bytes);
  delete exec;
  return Result::success;
}

Result cuEventCreate(Event* event, unsigned) {
  TREINO_FAKE(cuEventCreate, true);
  *event = new EventHandle;
  return Result::success;
}

Result cuEventDestroy_v2(Event event) {
  TREINO_FAKE(cuEventDestroy_v2, true);
  delete event;
  return Result::success;
}

Result cuEventRecord(Event event, Stream) {
  TREINO_FAKE(cuEventRecord, true);
  event->time = std::chrono::steady_clock::now();
  return Result::success;
}

Result cuEventElapsedTime(float* milliseconds, Event from, Event to) {
  TREINO_FAKE(cuEventElapsedTime, true);
  *milliseconds = std::chrono::duration<float, std::milli>(to->time - from->time).count();
  return Result::success;
}

}  // extern "C"

}  // namespace treino::cuda
