// SPDX-License-Identifier: Apache-2.0
// Reductions in two levels: index (element, chunk) adds its chunk in order into a partial sum, then
// each element's partial sums are added in order.
#pragma once

#include "treino/backend/cuda/kernels/common.h"

namespace treino::cuda {

template <typename T>
struct ReduceSum {
  const T* in;
  Sum<T>* partial;    // [elements][chunks]
  Walk kept, summed;  // of the input
  Index length, chunks;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const Index chunk = i % chunks, base = kept.offset(i / chunks);
    Sum<T> sum = 0;
    for (Index k = length * chunk / chunks; k < length * (chunk + 1) / chunks; ++k)
      sum += in[base + summed.offset(k)];
    partial[i] = sum;
  }
};

template <typename T, typename P>
struct AddPartial {
  const P* partial;  // element i, chunk c at i * element + c * stride
  T* out;
  Index element, stride, chunks;
  double scale;  // 1 for whole numbers
  TREINO_HOST_DEVICE void operator()(Index i) const {
    Sum<T> sum = 0;
    for (Index c = 0; c < chunks; ++c) sum += partial[i * element + c * stride];
    if constexpr (std::is_floating_point_v<T>)
      out[i] = static_cast<T>(sum * scale);
    else
      out[i] = static_cast<T>(sum);
  }
};

template <typename T>
struct ReduceMax {
  const T* in;
  T* out;
  Walk kept, compared;
  Index length;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const Index base = kept.offset(i);
    T most = in[base];
    for (Index k = 1; k < length; ++k) {
      const T value = in[base + compared.offset(k)];
      if (value > most || value != value) most = value;
    }
    out[i] = most;
  }
};

template <typename T>
struct Argmax {
  const T* in;
  std::int32_t* out;
  Index width;
  TREINO_HOST_DEVICE void operator()(Index row) const {
    Index best = 0;
    for (Index k = 1; k < width; ++k) {
      if (in[row * width + k] > in[row * width + best]) best = k;
    }
    out[row] = static_cast<std::int32_t>(best);
  }
};

}  // namespace treino::cuda
