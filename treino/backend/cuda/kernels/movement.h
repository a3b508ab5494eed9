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

// Where element i of the gathered rows stands in their table.
struct InRows {
  const std::int32_t* rows;
  const std::int64_t* start;  // of the rows, where they are a window of a longer list; or null
  Index last_start;
  Divisor width;
  Index last;  // row
  TREINO_HOST_DEVICE Index operator()(Index i) const {
    const Index row = i / width, first = start != nullptr ? cut(*start, last_start) : 0;
    return i + (cut(rows[first + row], last) - row) * width;
  }
};

template <typename T>
struct GatherRows {
  const T* table;
  T* out;
  InRows from;
  TREINO_HOST_DEVICE void operator()(Index i) const { out[i] = table[from(i)]; }
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
  Divisor classes;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    out[i] = labels[i / classes] == i % classes ? T(1) : T(0);
  }
};

template <typename T>
struct DropoutMask {
  const std::int64_t *seed, *position;
  T* out;
  Divisor width;          // elements of a sample
  std::uint64_t dropped;  // words below it
  T scale;
  std::uint32_t stream;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const Index row = i / width, e = i - row * width;
    const auto sample = static_cast<std::uint64_t>(*position + row);
    const auto words =
        philox({static_cast<std::uint32_t>(e / 4), stream, static_cast<std::uint32_t>(sample),
                static_cast<std::uint32_t>(sample >> 32)},
               static_cast<std::uint64_t>(*seed));
    const auto which = static_cast<unsigned>(e % 4);
    const std::uint32_t word = which == 0   ? words[0]
                               : which == 1 ? words[1]
                               : which == 2 ? words[2]
                                            : words[3];
    out[i] = word < dropped ? T(0) : scale;
  }
};

}  // namespace treino::cuda
