// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "treino/runtime/device.h"

namespace treino::cuda {

// What is known of this backend's correctness; shown by `treino doctor`.
inline constexpr const char* kStanding =
    "no kernels for it yet: nothing of the CUDA backend has ever run on a GPU";

// The first NVIDIA GPU of this machine. Throws Error::work where there is none to be used.
std::unique_ptr<Device> make_cuda_device();

}  // namespace treino::cuda
