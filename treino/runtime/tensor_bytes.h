// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <vector>

#include "treino/runtime/program.h"

namespace treino {

// What a tensor takes where elements are as the host has them.
inline std::int64_t bytes_of(const TensorType& type) {
  return type.shape.elements() * host_bytes(type.dtype);
}
inline std::int64_t bytes_of(const Tensor& tensor) {
  return bytes_of(tensor.type);
}

// Whether tensors of a program share memory, some of two lists do, and whether two share all of it.
inline bool overlap(const Tensor& a, const Tensor& b) {
  if (a.space != b.space || a.variable != b.variable) return false;
  return a.offset < b.offset + bytes_of(b) && b.offset < a.offset + bytes_of(a);
}
inline bool any_overlap(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  return std::any_of(a.begin(), a.end(), [&](const Tensor& x) {
    return std::any_of(b.begin(), b.end(), [&](const Tensor& y) { return overlap(x, y); });
  });
}
inline bool same_place(const Tensor& a, const Tensor& b) {
  return a.space == b.space && a.variable == b.variable && a.offset == b.offset &&
         bytes_of(a) == bytes_of(b);
}

}  // namespace treino
