// SPDX-License-Identifier: Apache-2.0
// The GPU's image: one function for each row of kernels.def, an index a thread or a tile a block.
#include "treino/backend/cuda/kernels.h"

using namespace treino::cuda;

namespace {

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
  // What the other blocks have written is seen by the last one.
  __device__ bool is_last(unsigned* counter, unsigned blocks) {
    __shared__ bool last;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
      last = atomicAdd(counter, 1) == blocks - 1;
      if (last) *counter = 0;
    }
    __syncthreads();
    if (last) __threadfence();
    return last;
  }

 private:
  typename Work::Thread own_;
};

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

}  // namespace

#define TREINO_KERNEL(name, ...)                                              \
  extern "C" __global__ void __launch_bounds__(kThreads)                      \
      treino_##name(const __grid_constant__ __VA_ARGS__ work, Index count) {  \
    run(work, count);                                                         \
  }
#include "treino/backend/cuda/kernels.def"
#undef TREINO_KERNEL
