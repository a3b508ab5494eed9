// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/backend/cuda/kernels/common.h"
#include "treino/base/rng.h"

namespace treino::cuda {

// T has the elements' size; what they are does not matter.
template <typename T>
struct Copy {
  const T* in;
  T* out;
  TREINO_HOST_DEVICE void operator()(Index i) const { out[i] = in[i]; }
};

template <typename T>  // transpose, broadcast
struct Strided {
  const T* in;
  T* out;
  Walk from;
  TREINO_HOST_DEVICE void operator()(Index i) const { out[i] = in[from.offset(i)]; }
};

template <typename T>
struct TableWindow {
  const T* table;
  const std::int64_t* start;
  T* out;
  Index last;  // start
  TREINO_HOST_DEVICE void operator()(Index i) const { out[i] = table[cut(*start, last) + i]; }
};

template <typename T>
struct GatherRows {
  const T* table;
  const std::int32_t* rows;
  T* out;
  Index width, last;  // row
  TREINO_HOST_DEVICE void operator()(Index i) const {
    out[i] = table[cut(rows[i / width], last) * width + i % width];
  }
};

// Column by column, so that rows are added in their order. `out` holds zeros.
template <typename T>
struct ScatterRows {
  const T* in;
  const std::int32_t* rows;
  T* out;
  Index count, width, last;  // rows to add, elements of a row, last row of `out`
  TREINO_HOST_DEVICE void operator()(Index column) const {
    for (Index row = 0; row < count; ++row)
      out[cut(rows[row], last) * width + column] += in[row * width + column];
  }
};

template <typename T>
struct OneHot {
  const std::int32_t* labels;
  T* out;
  Index classes;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    out[i] = labels[i / classes] == i % classes ? T(1) : T(0);
  }
};

template <typename T>
struct DropoutMask {
  const std::int64_t *seed, *position;
  T* out;
  Index width;  // elements of a sample
  double threshold, rate;
  std::uint32_t stream;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const auto sample = static_cast<std::uint64_t>(*position + i / width);
    const Index e = i % width;
    const auto words =
        philox({static_cast<std::uint32_t>(e / 4), stream, static_cast<std::uint32_t>(sample),
                static_cast<std::uint32_t>(sample >> 32)},
               static_cast<std::uint64_t>(*seed));
    out[i] =
        words[static_cast<std::size_t>(e % 4)] < threshold ? T(0) : static_cast<T>(1 / (1 - rate));
  }
};

}  // namespace treino::cuda
