// SPDX-License-Identifier: Apache-2.0
// Marks functions that a GPU's kernels call too.
#pragma once

#ifdef __CUDACC__
#define TREINO_HOST_DEVICE __host__ __device__
#else
#define TREINO_HOST_DEVICE
#endif
