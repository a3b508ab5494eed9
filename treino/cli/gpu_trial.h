// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "treino/runtime/device.h"

namespace treino::cli {

// Runs one elementwise kernel and one matrix product on the device and holds every result against
// the host's, which adds in double. Empty where all are close; else what differs, e.g. "a matrix
// product differs: 3.5 instead of 1.25 at 17". Throws what the device does.
std::string try_out(Device& device);

}  // namespace treino::cli
