// SPDX-License-Identifier: Apache-2.0
// Reductions in two levels: index (element, chunk) adds its chunk in order into a partial sum, then
// each element's partial sums are added in order. A sum of one chunk needs one level.
#pragma once

#include "treino/backend/cuda/kernels/known_group.h"

namespace treino::cuda {

// What an optimiser does with a sum that is a gradient, or nothing.
template <typename T>
struct Update {
  TREINO_HOST_DEVICE void operator()(Index) const {}
};
template <>
struct Update<float> {
  KnownGroup<group::adam> adam;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    if (adam.out[0] != nullptr) adam(i);
  }
};

template <typename T, typename From = T>  // the latter: as it is stored
struct ReduceSum {
  const From* in;
  Sum<T>* partial;    // [elements][chunks]
  T* out;             // of one chunk, instead
  T scale;            // of that
  const T* more;      // added to it, or null
  Walk kept, summed;  // of the input
  Index length;
  Divisor chunks;
  Update<T> update;  // of one chunk
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const Index element = i / chunks, chunk = i - element * chunks;
    const Index begin = length * chunk / chunks, end = length * (chunk + 1) / chunks;
    const From* from = in + kept.offset(element);
    Sum<T> sum = 0;
    const auto add = [&](Index, From value) { sum += value; };
    if (summed.rank <= 1)
      in_order(
          begin, end, [&](Index k) { return from[k * summed.strides[0]]; }, add);
    else
      for (Index k = begin; k < end; ++k) add(k, from[summed.offset(k)]);
    if (chunks != 1) {
      partial[i] = sum;
      return;
    }
    out[i] = finished(static_cast<T>(sum), i);
    update(i);
  }

 private:
  TREINO_HOST_DEVICE T finished(T sum, Index i) const {
    if constexpr (std::is_floating_point_v<T>) sum *= scale;
    return more != nullptr ? static_cast<T>(sum + more[i]) : sum;
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
