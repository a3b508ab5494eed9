// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "treino/runtime/device.h"

namespace treino::cuda {

// What is known of this backend's correctness; shown by `treino doctor`.
inline constexpr const char* kStanding =
    "--device cuda is experimental: its tests have passed on one kind of GPU, an NVIDIA H200";

struct CudaOptions {
  std::int64_t vram_limit = 0;  // most bytes of its memory to take, 0: all that are free
  bool fast = false;            // algorithms too that do not give the same bits again
  bool exact = false;           // own kernels only
};

// The first NVIDIA GPU of this machine. Throws Error::work where there is no GPU to be used.
std::unique_ptr<Device> make_cuda_device(const CudaOptions& options);

// Which of the libraries beside the driver there are, for people: "cuDNN 91900, no cuBLASLt
// (TREINO_CUBLASLT names one)". Nothing is asked of the GPU.
struct LibrariesFound {
  std::string text;
  bool sound = true;  // false: one that was named cannot be loaded
};
LibrariesFound libraries_found();

}  // namespace treino::cuda
