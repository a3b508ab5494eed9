// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

#include "treino/base/dtype.h"
#include "treino/base/shape.h"

namespace treino {

// A dense row-major tensor in host memory; what initialisers make, files hold and devices exchange.
struct HostTensor {
  DType dtype = DType::f32;
  Shape shape;
  std::vector<std::byte> bytes;  // shape.elements() * host_bytes(dtype)

  HostTensor() = default;
  HostTensor(DType type, Shape extents)
      : dtype(type), shape(extents),
        bytes(static_cast<std::size_t>(extents.elements() * host_bytes(type))) {}

  template <typename T>
  std::span<T> as() {
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  template <typename T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  template <typename T>
  static HostTensor scalar(DType dtype, T value) {
    HostTensor tensor(dtype, Shape{});
    std::memcpy(tensor.bytes.data(), &value, sizeof value);
    return tensor;
  }
};

}  // namespace treino
