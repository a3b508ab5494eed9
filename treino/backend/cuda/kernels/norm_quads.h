// SPDX-License-Identifier: Apache-2.0
// Batch norm under max pooling whose windows lie side by side: a window a thread, four channels at
// a time.
#pragma once

#include "treino/backend/cuda/kernels/norm.h"

namespace treino::cuda {

struct WindowQuads {
  SmallDivisor quads, across, down;  // of a pixel, a row of windows, a picture
  int height, width;                 // of the picture
  int out[2], size[2];               // windows that it fills, and their extents

  struct Place {
    int n, y, x;  // window
    int channel;  // the first of four
  };
  TREINO_HOST_DEVICE Place place(int i) const {
    const int window = i / quads, row = window / across, n = row / down;
    return {n, row - n * down, window - row * across, (i - window * quads) * 4};
  }
  TREINO_HOST_DEVICE Index output(const Place& p) const {
    return (Index{p.n * out[0] + p.y} * out[1] + p.x) * (quads * 4) + p.channel;
  }
  // f(offset of the four in the picture) for each of a window's pixels, in order.
  template <typename F>
  TREINO_HOST_DEVICE void each_pixel(const Place& p, F&& f) const {
    for (int y = p.y * size[0]; y < (p.y + 1) * size[0] && y < height; ++y) {
      for (int x = p.x * size[1]; x < (p.x + 1) * size[1] && x < width; ++x)
        f((Index{p.n * height + y} * width + x) * (quads * 4) + p.channel);
    }
  }
};

// As NormPool.
struct NormPoolQuads {
  const float *x, *gamma;
  float *y, *chosen;
  Normalized normalized;
  WindowQuads w;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const WindowQuads::Place place = w.place(static_cast<int>(i));
    const auto factors = neighbours_at<4>(gamma + place.channel);
    bool started = false;
    Neighbours<4> best{}, result{};
    w.each_pixel(place, [&](Index at) {
      const auto four = neighbours_at<4>(x + at);
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const float value = four.value[j];
        if (!started || (factors.value[j] < 0 ? value < best.value[j] : value > best.value[j]))
          best.value[j] = value;
      }
      started = true;
    });
#pragma unroll
    for (int j = 0; j < 4; ++j) result.value[j] = normalized(best.value[j], place.channel + j);
    put_neighbours<4>(chosen + w.output(place), best);
    put_neighbours<4>(y + w.output(place), result);
  }
};

// As NormPoolGrad; windows that are only begun get no gradient.
struct NormPoolGradQuads {
  const float *dy, *x, *chosen;
  float* dx;
  NormSlope slope;
  WindowQuads w;
  bool masked;  // 0 where x is not positive
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const WindowQuads::Place place = w.place(static_cast<int>(i));
    const bool whole = place.y < w.out[0] && place.x < w.out[1];
    Neighbours<4> gradient{}, wanted{};
    if (whole) {
      gradient = neighbours_at<4>(dy + w.output(place));
      wanted = neighbours_at<4>(chosen + w.output(place));
    }
    bool open[4] = {whole, whole, whole, whole};
    w.each_pixel(place, [&](Index at) {
      const auto four = neighbours_at<4>(x + at);
      Neighbours<4> result{};
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const float value = four.value[j];
        const bool first = open[j] && value == wanted.value[j];
        if (first) open[j] = false;
        const float spread = first ? gradient.value[j] : 0;
        result.value[j] = masked && !(value > 0) ? 0 : slope(spread, value, place.channel + j);
      }
      put_neighbours<4>(dx + at, result);
    });
  }
};

}  // namespace treino::cuda
