// SPDX-License-Identifier: Apache-2.0
// Times variants of kernels by themselves, as they stand in treino/backend/cuda/kernels: a chain of
// launches in a graph, each waiting for the one before, everything in the GPU's second cache, as in
// a training step. A family of kernels is a file lab_FAMILY.cu with a function void FAMILY() and a
// row of lab.cu.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <vector>

#include "treino/backend/cuda/kernels/on_device.h"

namespace treino::lab {

using cuda::Index;

inline void check(cudaError_t error, const char* doing) {
  if (error == cudaSuccess) return;
  std::printf("%s: %s\n", doing, cudaGetErrorString(error));
  std::exit(1);
}

// So many numbers on the GPU.
template <typename T = float>
class Numbers {
 public:
  explicit Numbers(std::size_t count, bool zero = false) : count_(count) {
    void* memory = nullptr;
    check(cudaMalloc(&memory, std::max<std::size_t>(count, 1) * sizeof(T)), "memory");
    memory_.reset(static_cast<T*>(memory));
    if (zero) check(cudaMemset(memory, 0, count * sizeof(T)), "zeros");
  }
  T* get() const { return memory_.get(); }
  void from(const std::vector<T>& host) {
    check(cudaMemcpy(get(), host.data(), count_ * sizeof(T), cudaMemcpyHostToDevice), "copy");
  }
  std::vector<T> to_host() const {
    std::vector<T> host(count_);
    check(cudaMemcpy(host.data(), get(), count_ * sizeof(T), cudaMemcpyDeviceToHost), "copy");
    return host;
  }

 private:
  struct Free {
    void operator()(T* memory) const { cudaFree(memory); }
  };
  std::size_t count_;
  std::unique_ptr<T, Free> memory_;
};

// From -1 to 1, the same for the same seed.
inline std::vector<float> any_numbers(std::size_t count, unsigned seed) {
  std::vector<float> numbers(count);
  unsigned state = seed * 7919 + 1;
  for (float& x : numbers) {
    state = state * 1664525 + 1013904223;
    x = static_cast<float>(static_cast<int>(state >> 8) % 2001 - 1000) / 1000;
  }
  return numbers;
}
inline Numbers<float> any_numbers_there(std::size_t count, unsigned seed) {
  Numbers<float> numbers(count);
  numbers.from(any_numbers(count, seed));
  return numbers;
}

// Microseconds a launch: the median of `replays` graphs of `chain` launches each.
double microseconds(const std::function<void(cudaStream_t)>& launch, int chain = 20,
                    int replays = 40);

template <typename Work>
__global__ void __launch_bounds__(cuda::kThreads, cuda::kLeastBlocks<Work>)
    kernel(const __grid_constant__ Work work, Index count) {
  cuda::run(work, count);
}

// As a step launches it: `count` tiles, or indices.
template <typename Work>
void launch(const Work& work, Index count, cudaStream_t stream) {
  const Index blocks = cuda::kTiled<Work> ? count : (count + cuda::kThreads - 1) / cuda::kThreads;
  kernel<Work><<<static_cast<unsigned>(blocks), cuda::kThreads, 0, stream>>>(work, count);
  check(cudaGetLastError(), "launch");
}

template <typename Work>
double microseconds_of(const Work& work, Index count, int chain = 20, int replays = 40) {
  return microseconds([&](cudaStream_t stream) { launch(work, count, stream); }, chain, replays);
}

// A thread's registers and how many blocks a multiprocessor has room for.
struct Fit {
  int registers = 0, blocks = 0;
};
template <typename Work>
Fit fit() {
  cudaFuncAttributes attributes;
  check(cudaFuncGetAttributes(&attributes, kernel<Work>), "attributes");
  Fit result{attributes.numRegs, 0};
  check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&result.blocks, kernel<Work>, cuda::kThreads,
                                                      0),
        "occupancy");
  return result;
}

// The most that results are off, in parts of the largest that should be.
inline double off(const std::vector<float>& results, const std::vector<double>& expected) {
  double most = 0, largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference = std::fabs(double{results[i]} - expected[i]);
    most = difference <= most ? most : difference;  // a NaN stays
    largest = std::max(largest, std::fabs(expected[i]));
  }
  return most / std::max(largest, 1e-30);
}

}  // namespace treino::lab
