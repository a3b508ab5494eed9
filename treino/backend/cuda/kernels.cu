// SPDX-License-Identifier: Apache-2.0
// The GPU's image: one function for each row of kernels.def, an index a thread.
#include "treino/backend/cuda/kernels.h"

using namespace treino::cuda;

#define TREINO_KERNEL(name, ...)                                                         \
  extern "C" __global__ void treino_##name(const __VA_ARGS__ work, Index count) {        \
    const Index step = static_cast<Index>(gridDim.x) * blockDim.x;                       \
    _Pragma("unroll 1")                                                                  \
    for (Index i = static_cast<Index>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; \
         i += step)                                                                      \
      work(i);                                                                           \
  }
#include "treino/backend/cuda/kernels.def"
#undef TREINO_KERNEL
