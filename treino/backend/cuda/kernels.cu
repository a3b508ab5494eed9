// SPDX-License-Identifier: Apache-2.0
// The GPU's image: one function for each row of kernels.def, an index a thread or a tile a block,
// and one that runs whole programs of them.
#include "treino/backend/cuda/kernels.h"

#include "treino/backend/cuda/kernels/on_device.h"

using namespace treino::cuda;

namespace {

// Shared memory of treino_levels: the program, then room for a tile.
extern __shared__ __align__(16) std::byte memory[];

// Block `block` of `blocks` of a launch. A function of its own, so that each gets the registers it
// needs; offsets instead of pointers, so that it is known which memory is meant.
template <typename Work>
__device__ __noinline__ void run_block(unsigned arguments, unsigned room, Index count,
                                       unsigned block, unsigned blocks) {
  if constexpr (kTiled<Work>) {
    const Work work = *reinterpret_cast<const Work*>(memory + arguments);
    DeviceTeam<Work> team(*reinterpret_cast<typename Work::Shared*>(memory + room));
    for (Index tile = block; tile < count; tile += blocks) work.tile(tile, team);
  } else {
    const Work& work = *reinterpret_cast<const Work*>(memory + arguments);
#pragma unroll 1
    for (Index i = static_cast<Index>(block) * kThreads + threadIdx.x; i < count;
         i += static_cast<Index>(blocks) * kThreads)
      work(i);
  }
}

__device__ void run_block(const LevelLaunch& launch, unsigned arguments, unsigned room,
                          unsigned block) {
  switch (static_cast<Kernel>(launch.kernel)) {
#define TREINO_KERNEL(name, ...) \
  case Kernel::name:             \
    return run_block<__VA_ARGS__>(arguments, room, launch.count, block, launch.blocks);
#define TREINO_KERNEL_ALONE(name, ...)
#include "treino/backend/cuda/kernels.def"
#undef TREINO_KERNEL
    default:
      return;
  }
}

// All blocks of the grid have come here `round` times. What they wrote before is seen after.
__device__ void wait_for_all(unsigned* barrier, unsigned round) {
  __syncthreads();
  if (threadIdx.x == 0) {
    __threadfence();
    atomicAdd(barrier, 1);
    while (static_cast<int>(*static_cast<volatile unsigned*>(barrier) - round * gridDim.x) < 0) {
    }
    __threadfence();
  }
  __syncthreads();
}

}  // namespace

// Stays for `steps` steps of a program. All its blocks must be on the GPU at once.
extern "C" __global__ void __launch_bounds__(kThreads, 2)
    treino_levels(const __grid_constant__ Levels levels, Index steps) {
  for (unsigned at = threadIdx.x * 16; at < levels.bytes; at += kThreads * 16)
    *reinterpret_cast<uint4*>(memory + at) = *reinterpret_cast<const uint4*>(levels.data + at);
  __syncthreads();
  const Level* level = Levels::levels_of(memory);
  const LevelLaunch* launches = levels.launches_of(memory);
  unsigned round = 0;
  for (Index step = 0; step < steps; ++step) {
    for (int i = 0; i < levels.levels; ++i) {
      int number = level[i].first;
      for (unsigned block = blockIdx.x; block < level[i].blocks; block += gridDim.x) {
        while (block >= launches[number].first_block + launches[number].blocks) ++number;
        const LevelLaunch& launch = launches[number];
        run_block(launch, levels.arguments_at + launch.arguments, levels.bytes,
                  block - launch.first_block);
      }
      wait_for_all(levels.barrier, ++round);
    }
  }
}

#define TREINO_KERNEL(name, ...)                                                    \
  extern "C" __global__ void __launch_bounds__(kThreads, kLeastBlocks<__VA_ARGS__>) \
      treino_##name(const __grid_constant__ __VA_ARGS__ work, Index count) {        \
    wait_for_others();                                                              \
    run(work, count);                                                               \
  }
#include "treino/backend/cuda/kernels.def"
#undef TREINO_KERNEL
