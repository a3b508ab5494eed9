// SPDX-License-Identifier: Apache-2.0
// What every device does alike when a program meets a store.
#pragma once

#include <vector>

#include "treino/runtime/device.h"

namespace treino {

// For each program variable its index in the store; -1 for one that no step touches and the store
// lacks. Throws Error::mistake for a missing variable, or one of another type.
std::vector<int> bind_variables(const Program& program, const Store& store);

// Throws Error::mistake when `value`'s shape is not the variable's.
void check_write(const Variable& variable, const HostTensor& value);

}  // namespace treino
