// SPDX-License-Identifier: Apache-2.0
// Marks functions that a GPU's kernels call too. They are always inlined there: one call that is
// not keeps what its caller holds in registers in memory instead, which made products five times
// slower.
#pragma once

#ifdef __CUDACC__
#define TREINO_HOST_DEVICE __host__ __device__ __forceinline__
#else
#define TREINO_HOST_DEVICE inline
#endif
