// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "treino/runtime/device.h"

namespace treino::cpu {

struct CpuOptions {
  int threads = 0;     // 0: as many as usable_threads() says
  bool onednn = true;  // false: own kernels only
  bool exact = false;  // convolutions by their definition: own direct kernels only
};

// The processor this runs on. Throws Error::mistake for a TREINO_ISA it does not have.
std::unique_ptr<Device> make_cpu_device(const CpuOptions& options);

}  // namespace treino::cpu
