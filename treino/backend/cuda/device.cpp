// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cuda/device.h"

#include "treino/backend/cuda/driver.h"
#include "treino/base/error.h"

namespace treino::cuda {

std::unique_ptr<Device> make_cuda_device() {
  const std::shared_ptr<const Driver> driver = Driver::load();
  throw Error::work("this version of Treino sees the " + driver->devices()[0].name +
                    " but has no kernels for it yet; train with --device cpu");
}

}  // namespace treino::cuda
