// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/runtime/program.h"

namespace treino {

// What a tensor takes where elements are as the host has them.
inline std::int64_t bytes_of(const Tensor& tensor) {
  return tensor.type.shape.elements() * host_bytes(tensor.type.dtype);
}

}  // namespace treino
