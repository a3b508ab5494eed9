// SPDX-License-Identifier: Apache-2.0
// Kernels run at once, in the calling thread; while a stream is captured they are written down.
#include <chrono>
#include <cstring>
#include <functional>
#include <vector>

#include "tests/cuda/fakes/fake_driver.h"

namespace treino::cuda {

struct ModuleHandle {};
struct GraphHandle {
  std::vector<std::function<void()>> nodes;
};
struct GraphExecHandle {
  GraphHandle graph;
};
struct StreamHandle {
  std::unique_ptr<GraphHandle> captured;
};
struct EventHandle {
  std::chrono::steady_clock::time_point time;
};

namespace {

StreamHandle* captured_stream = nullptr;

}  // namespace

bool capturing() {
  return captured_stream != nullptr;
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

Result cuStreamSynchronize(Stream stream) {
  TREINO_FAKE(cuStreamSynchronize, true);
  return stream->captured ? Result::capture_unsupported : Result::success;
}

// Of two parameters: the kernel's arguments in one structure, and how many indices there are.
Result cuLaunchKernel(Function function, unsigned grid, unsigned, unsigned, unsigned block,
                      unsigned, unsigned, unsigned, Stream stream, void** parameters, void**) {
  TREINO_FAKE(cuLaunchKernel, true);
  if (grid == 0 || block == 0 || block > 1024) return Result::invalid_value;
  const auto* kernel = reinterpret_cast<const FakeKernel*>(function);
  std::vector<std::byte> arguments(kernel->argument_bytes);
  std::memcpy(arguments.data(), parameters[0], arguments.size());
  std::int64_t count = 0;
  std::memcpy(&count, parameters[1], sizeof count);
  const auto node = [kernel, arguments = std::move(arguments), count] {
    kernel->run(arguments.data(), count);
  };
  if (stream->captured)
    stream->captured->nodes.emplace_back(node);
  else
    node();
  return Result::success;
}

Result cuStreamBeginCapture_v2(Stream stream, CaptureMode) {
  TREINO_FAKE(cuStreamBeginCapture_v2, true);
  if (capturing()) return Result::capture_unsupported;
  stream->captured = std::make_unique<GraphHandle>();
  captured_stream = stream;
  return Result::success;
}

Result cuStreamEndCapture(Stream stream, Graph* graph) {
  TREINO_FAKE(cuStreamEndCapture, true);
  if (captured_stream != stream) return Result::invalid_value;
  captured_stream = nullptr;
  *graph = stream->captured.release();
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
  *exec = new GraphExecHandle{*graph};
  return Result::success;
}
#endif

Result cuGraphLaunch(GraphExec exec, Stream) {
  TREINO_FAKE(cuGraphLaunch, true);
  for (const auto& node : exec->graph.nodes) node();
  return Result::success;
}

Result cuGraphExecDestroy(GraphExec exec) {
  TREINO_FAKE(cuGraphExecDestroy, true);
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
