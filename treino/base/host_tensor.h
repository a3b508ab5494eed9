// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>
#include <span>

#include "treino/base/dtype.h"
#include "treino/base/host_bytes.h"
#include "treino/base/shape.h"

namespace treino {

// A dense row-major tensor in host memory; what initialisers make, files hold and devices exchange.
struct HostTensor {
  DType dtype = DType::f32;
  Shape shape;
  HostBytes bytes;  // shape.elements() * host_bytes(dtype)

  HostTensor() = default;
  HostTensor(DType type, Shape extents)
      : dtype(type),
        shape(extents),
        bytes(static_cast<std::size_t>(extents.elements() * host_bytes(type)), std::byte{0}) {}
  // For a caller that writes every element itself.
  static HostTensor unfilled(DType type, Shape extents) {
    HostTensor tensor;
    tensor.dtype = type;
    tensor.shape = extents;
    tensor.bytes.resize(static_cast<std::size_t>(extents.elements() * treino::host_bytes(type)));
    return tensor;
  }

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
