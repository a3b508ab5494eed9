// SPDX-License-Identifier: Apache-2.0
// Batch norm under max pooling whose windows lie side by side.
#pragma once

#include "treino/backend/cuda/kernels/norm.h"
#include "treino/backend/cuda/kernels/pool_quads.h"

namespace treino::cuda {

// As NormPool. kSize: the windows' extents, or 0 for any.
template <int kSize>
struct NormPoolQuads {
  const float *x, *gamma;
  float *y, *chosen;
  Normalized normalized;
  WindowQuads w;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const WindowQuads::Place place = w.place(static_cast<int>(i));
    const auto factors = neighbours_at<4>(gamma + place.channel);
    const auto norm = normalized.some<4>(place.channel);
    bool started = false;
    Neighbours<4> best{}, result{};
    w.each_pixel<kSize>(
        place, [&](int at) { return neighbours_at<4>(x + at); },
        [&](int, const Neighbours<4>& four) {
#pragma unroll
          for (int j = 0; j < 4; ++j) {
            const float value = four.value[j];
            const float factor = factors.value[j];
            if (!started ||
                (factor != 0 && (factor < 0 ? value < best.value[j] : value > best.value[j])))
              best.value[j] = value;
          }
          started = true;
        });
#pragma unroll
    for (int j = 0; j < 4; ++j) result.value[j] = norm(best.value[j], j);
    const int to = w.output(place);
    put_neighbours<4>(chosen + to, best);
    put_neighbours<4>(y + to, result);
  }
};

template <int kSize>
using NormPoolGradQuads = PoolGradQuads<kSize, NormSlope>;

}  // namespace treino::cuda
