// SPDX-License-Identifier: Apache-2.0
// What all kernels share. A kernel is a structure of pointers and extents with operator()(i): the
// work of index i of so many, whatever else runs beside it. The GPU gives each index a thread;
// tests loop over them on the host. Sums are added in an order that depends on the shapes alone.
#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>

#include "treino/base/device_code.h"
#include "treino/base/dtype.h"
#include "treino/graph/op.h"

namespace treino::cuda {

using Index = std::int64_t;

inline constexpr int kMaxRank = 6;

// Sums of floating-point numbers are kept in double, of whole ones in 64 bits.
template <typename T>
using Sum = std::conditional_t<std::is_floating_point_v<T>, double, std::int64_t>;

TREINO_HOST_DEVICE inline Index cut(Index i, Index last) {
  return i < 0 ? 0 : i > last ? last : i;
}

// Extents with a stride each; offset of the element that stands at flat index i.
struct Walk {
  int rank = 0;
  Index extents[kMaxRank] = {};
  Index strides[kMaxRank] = {};

  TREINO_HOST_DEVICE Index offset(Index i) const {
    Index sum = 0;
    for (int axis = rank - 1; axis >= 0; --axis) {
      sum += i % extents[axis] * strides[axis];
      i /= extents[axis];
    }
    return sum;
  }
};

}  // namespace treino::cuda
