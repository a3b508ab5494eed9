// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "treino/runtime/device.h"

namespace treino::cuda {

// What is known of this backend's correctness; shown by `treino doctor`.
inline constexpr const char* kStanding =
    "--device cuda is experimental: its tests have passed on one kind of GPU, an NVIDIA H200";

// The first NVIDIA GPU of this machine. `vram_limit`: most bytes of its memory to take, 0: all that
// are free. Throws Error::work where there is no GPU to be used.
std::unique_ptr<Device> make_cuda_device(std::int64_t vram_limit);

}  // namespace treino::cuda
