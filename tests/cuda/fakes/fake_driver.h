// SPDX-License-Identifier: Apache-2.0
// A libcuda without a GPU. What it has and what fails is said by the JSON text in TREINO_FAKE_CUDA:
//   {"version": 13000, "fail": {"cuMemAlloc_v2": 2}, "devices": [{"name": "Fake GPU",
//    "capability": [9, 0], "multiprocessors": 132, "bytes": 8589934592, "clock": 1000000,
//    "memory_clock": 2000000, "memory_width": 1024}]}
// "wrong": "matmul" leaves out the last index, or tile, of kernels of such names; "node_bytes":
// what each node of a graph takes of the GPU's memory; "order": 7 draws a graph's order
// (fake_streams.cpp). A test in the same process changes the
// scenario and counts calls (stand_in.h). Everything is optional. It is stricter than the driver
// where that finds mistakes: a context must be current in the calling thread, new memory holds
// NaNs, a graph runs in an unusual order.
#pragma once

#include <nlohmann/json.hpp>

#include <functional>

#include "treino/backend/cuda/driver.h"

namespace treino::cuda {

const nlohmann::json& scenario();
const nlohmann::json& devices();

// What a call of that function returns before it does anything; success: it goes on.
Result begin(const char* symbol, bool needs_context);

// Memory of the GPU that is not in blocks: of graphs.
bool take_bytes(std::size_t bytes);
void give_bytes(std::size_t bytes);

void set_current(Context context);

// What a library launches into the stream: done at once, or caught for a graph.
void enqueue(std::function<void()> run);

struct FakeKernel {
  std::string name;
  std::size_t argument_bytes;
  void (*run)(const void* arguments, std::int64_t count);
};
const FakeKernel* fake_kernel(const std::string& name);

}  // namespace treino::cuda

#define TREINO_FAKE(symbol, needs_context) \
  if (const Result said = begin(#symbol, needs_context); said != Result::success) return said
