// SPDX-License-Identifier: Apache-2.0
// Reductions in two levels: index (element, chunk) adds its chunk in order into a partial sum, then
// each element's partial sums are added in order. A sum of one chunk needs one level.
#pragma once

#include "treino/backend/cuda/kernels/common.h"

namespace treino::cuda {

template <typename T>
struct ReduceSum {
  const T* in;
  Sum<T>* partial;    // [elements][chunks]
  T* out;             // of one chunk, instead
  Walk kept, summed;  // of the input
  Index length;
  Divisor chunks;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const Index element = i / chunks, chunk = i - element * chunks;
    const Index begin = length * chunk / chunks, end = length * (chunk + 1) / chunks;
    const T* from = in + kept.offset(element);
    Sum<T> sum = 0;
    const auto add = [&](Index, T value) { sum += value; };
    if (summed.rank <= 1)
      in_order(
          begin, end, [&](Index k) { return from[k * summed.strides[0]]; }, add);
    else
      for (Index k = begin; k < end; ++k) add(k, from[summed.offset(k)]);
    if (chunks == 1)
      out[i] = static_cast<T>(sum);
    else
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
    in_order(
        0, chunks, [&](Index c) { return partial[i * element + c * stride]; },
        [&](Index, P value) { sum += value; });
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
    const T* from = in + kept.offset(i);
    T most = from[0];
    const auto compare = [&](Index, T value) {
      if (value > most || value != value) most = value;
    };
    if (compared.rank <= 1)
      in_order(
          1, length, [&](Index k) { return from[k * compared.strides[0]]; }, compare);
    else
      for (Index k = 1; k < length; ++k) compare(k, from[compared.offset(k)]);
    out[i] = most;
  }
};

template <typename T>
struct Argmax {
  const T* in;
  std::int32_t* out;
  Index width;
  TREINO_HOST_DEVICE void operator()(Index row) const {
    const T* from = in + row * width;
    T most = from[0];
    Index best = 0;
    in_order(
        1, width, [&](Index k) { return from[k]; },
        [&](Index k, T value) {
          if (!(value > most)) return;
          most = value;
          best = k;
        });
    out[row] = static_cast<std::int32_t>(best);
  }
};

}  // namespace treino::cuda
