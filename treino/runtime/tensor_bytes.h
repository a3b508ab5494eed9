// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/runtime/program.h"

namespace treino {

// What a tensor takes where elements are as the host has them.
inline std::int64_t bytes_of(const TensorType& type) {
  return type.shape.elements() * host_bytes(type.dtype);
}
inline std::int64_t bytes_of(const Tensor& tensor) {
  return bytes_of(tensor.type);
}

}  // namespace treino
