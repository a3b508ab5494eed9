// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "treino/runtime/device.h"

namespace treino::reference {

// The slow, obvious device: one thread, double precision, plain loops. The oracle of the others.
std::unique_ptr<Device> make_device();

}  // namespace treino::reference
