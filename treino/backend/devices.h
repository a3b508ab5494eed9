// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "treino/runtime/device.h"

namespace treino {

struct DeviceOptions {
  int threads = 0;     // cpu: 0 = the cores this process may use (affinity and cgroup quota)
  bool onednn = true;  // cpu: false = own kernels only
  bool exact = false;  // convolutions by their definition only: no Winograd, no oneDNN, no cuDNN
  bool fast = false;   // cuda: algorithms too that do not give the same bits again
  std::int64_t vram_limit =
      0;  // cuda: most bytes of the GPU's memory to take; 0 = all that are free
};

// The device of that name ("cpu", "cuda", "reference"). Throws Error::mistake listing the names for
// another, Error::work where there is no GPU.
std::unique_ptr<Device> make_device(std::string_view name, const DeviceOptions& options = {});

}  // namespace treino
