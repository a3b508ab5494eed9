// SPDX-License-Identifier: Apache-2.0
// What all kernels share. A kernel is a structure of pointers and extents with operator()(i): the
// work of index i of so many, whatever else runs beside it. The GPU gives each index a thread;
// tests loop over them on the host. Sums are added in an order that depends on the shapes alone.
#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>

#include "treino/backend/cuda/kernels/divisor.h"
#include "treino/base/device_code.h"
#include "treino/base/dtype.h"
#include "treino/graph/op.h"

namespace treino::cuda {

using Index = std::int64_t;

inline constexpr int kMaxRank = 6;

// Sums of floating-point numbers are kept in double, of whole ones in 64 bits.
template <typename T>
using Sum = std::conditional_t<std::is_floating_point_v<T>, double, std::int64_t>;

TREINO_HOST_DEVICE Index cut(Index i, Index last) {
  return i < 0 ? 0 : i > last ? last : i;
}

// use(k, fetch(k)) for each k from begin to end, in order. Up to 16 are fetched before the first is
// used: a GPU's thread waits for memory once, not 16 times.
inline constexpr int kAtOnce = 16;
template <typename Fetch, typename Use>
TREINO_HOST_DEVICE void in_order(Index begin, Index end, Fetch&& fetch, Use&& use) {
  for (Index first = begin; first < end; first += kAtOnce) {
    decltype(fetch(first)) fetched[kAtOnce] = {};
    const int count = end - first < kAtOnce ? static_cast<int>(end - first) : kAtOnce;
    for (int j = 0; j < kAtOnce; ++j) {
      if (j < count) fetched[j] = fetch(first + j);
    }
    for (int j = 0; j < kAtOnce; ++j) {
      if (j < count) use(first + j, fetched[j]);
    }
  }
}

// Extents with a stride each, as few as say the same: where the element at flat index i stands.
struct Walk {
  int rank = 0;
  Divisor inner[kMaxRank - 1];  // extents of the axes behind the first
  Index strides[kMaxRank] = {};

  // Another axis behind those there are.
  void add(Index extent, Index stride) {
    if (extent == 1) return;
    if (rank > 0 && strides[rank - 1] == extent * stride) {  // the last goes on in it
      if (rank > 1) inner[rank - 2] = inner[rank - 2] * extent;
    } else {
      if (rank > 0) inner[rank - 1] = extent;
      ++rank;
    }
    strides[rank - 1] = stride;
  }
  TREINO_HOST_DEVICE Index offset(Index i) const {
    Index sum = 0;
    for (int axis = rank - 1; axis > 0; --axis) {
      const Index outer = i / inner[axis - 1];
      sum += (i - outer * inner[axis - 1]) * strides[axis];
      i = outer;
    }
    return sum + i * strides[0];
  }
};

}  // namespace treino::cuda
