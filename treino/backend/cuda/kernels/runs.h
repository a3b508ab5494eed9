// SPDX-License-Identifier: Apache-2.0
// What a thread reads and writes of matrices laid out alike: runs of neighbours in a row. All of
// it is asked for before the first is used, so that a thread waits once.
#pragma once

#include "treino/backend/cuda/kernels/tiled.h"

namespace treino::cuda {

// Neighbours of a row, as many as are inside of those that a run has room for.
struct Run {
  int at;      // of the first, in the matrix
  int inside;  // 0 or less: none
};

// kRun neighbours for each run; where kWhole, all or none of a run is inside and aligned. Beyond
// the edge: 0.
template <bool kWhole, int kRun, int kCount, typename T, typename RunOf>
TREINO_HOST_DEVICE void take_runs(const T* from, RunOf&& run_of, T (&to)[kCount]) {
#pragma unroll
  for (int r = 0; r < kCount / kRun; ++r) {
    const Run run = run_of(r);
    if constexpr (kWhole) {
      Neighbours<kRun, T> some{};
      if (run.inside > 0) some = neighbours_at<kRun>(from + run.at);
#pragma unroll
      for (int j = 0; j < kRun; ++j) to[r * kRun + j] = some.value[j];
    } else {
#pragma unroll
      for (int j = 0; j < kRun; ++j) to[r * kRun + j] = j < run.inside ? from[run.at + j] : T{0};
    }
  }
}

template <bool kWhole, int kRun, int kCount, typename T, typename RunOf>
TREINO_HOST_DEVICE void put_runs(T* to, RunOf&& run_of, const T (&values)[kCount]) {
#pragma unroll
  for (int r = 0; r < kCount / kRun; ++r) {
    const Run run = run_of(r);
    if constexpr (kWhole) {
      Neighbours<kRun, T> some;
#pragma unroll
      for (int j = 0; j < kRun; ++j) some.value[j] = values[r * kRun + j];
      if (run.inside > 0) put_neighbours<kRun>(to + run.at, some);
    } else {
#pragma unroll
      for (int j = 0; j < kRun; ++j) {
        if (j < run.inside) to[run.at + j] = values[r * kRun + j];
      }
    }
  }
}

}  // namespace treino::cuda
