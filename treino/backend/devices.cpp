// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/devices.h"

#include "treino/backend/cpu/device.h"
#include "treino/backend/cuda/device.h"
#include "treino/backend/reference/reference_device.h"
#include "treino/base/error.h"

namespace treino {

namespace {

struct Row {
  std::string_view name;
  std::unique_ptr<Device> (*make)(const DeviceOptions&);
};

constexpr Row kDevices[] = {
    {"cpu",
     [](const DeviceOptions& options) {
       return cpu::make_cpu_device(
           {.threads = options.threads, .onednn = options.onednn, .exact = options.exact});
     }},
    {"cuda",
     [](const DeviceOptions& options) {
       return cuda::make_cuda_device(
           {.vram_limit = options.vram_limit, .fast = options.fast, .exact = options.exact});
     }},
    {"reference", [](const DeviceOptions&) { return reference::make_device(); }},
};

}  // namespace

std::unique_ptr<Device> make_device(std::string_view name, const DeviceOptions& options) {
  std::string known;
  for (const Row& row : kDevices) {
    if (row.name == name) return row.make(options);
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw Error::mistake("there is no device \"" + std::string(name) + "\"; there are: " + known);
}

}  // namespace treino
