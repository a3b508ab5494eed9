// SPDX-License-Identifier: Apache-2.0
// How the GPU does a kernel's work: an index a thread, or a tile a block.
#pragma once

#include "treino/backend/cuda/kernels/tiled.h"

namespace treino::cuda {

// The threads of a block; as HostTeam.
template <typename Work>
class DeviceTeam {
 public:
  typename Work::Shared& shared;

  __device__ explicit DeviceTeam(typename Work::Shared& room) : shared(room) {}

  template <typename F>
  __device__ void each(F&& f) {
    f(static_cast<int>(threadIdx.x), own_);
    __syncthreads();
  }
  // What the other blocks have written is seen by the last one. Comes after an each(), whose
  // barrier makes the first thread's atomic speak for all of them; it starts at 0 again by itself.
  __device__ bool is_last(unsigned* counter, unsigned blocks) {
    __shared__ bool last;
    if (threadIdx.x == 0) {
      unsigned before;
      asm volatile("atom.acq_rel.gpu.global.inc.u32 %0, [%1], %2;"
                   : "=r"(before)
                   : "l"(counter), "r"(blocks - 1)
                   : "memory");
      last = before == blocks - 1;
    }
    __syncthreads();
    return last;
  }

 private:
  typename Work::Thread own_;
};

// In a graph whose edges allow it a kernel is on the GPU before those it waits for have ended. Here
// it waits, and then lets those that wait for it come.
__device__ inline void wait_for_others() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}

template <typename Work>
__device__ void run(const Work& work, Index count) {
  if constexpr (kTiled<Work>) {
    __shared__ typename Work::Shared shared;
    DeviceTeam<Work> team(shared);
    for (Index block = blockIdx.x; block < count; block += gridDim.x) work.tile(block, team);
  } else {
    const Index step = static_cast<Index>(gridDim.x) * blockDim.x;
#pragma unroll 1
    for (Index i = static_cast<Index>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += step)
      work(i);
  }
}

}  // namespace treino::cuda
