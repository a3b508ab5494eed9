// SPDX-License-Identifier: Apache-2.0
// Max pooling whose windows lie side by side: a window a thread, four channels at a time.
#pragma once

#include "treino/backend/cuda/kernels/tiled.h"
#include "treino/backend/cuda/kernels/window.h"

namespace treino::cuda {

// Offsets fit into an int.
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
  TREINO_HOST_DEVICE int output(const Place& p) const {
    return ((p.n * out[0] + p.y) * out[1] + p.x) * (quads * 4) + p.channel;
  }
  // use(at, fetch(at)) for each of a window's pixels, in order; `at`: offset of the four in the
  // picture. All those of a window of known extents are fetched before the first is used.
  template <int kSize, typename Fetch, typename Use>
  TREINO_HOST_DEVICE void each_pixel(const Place& p, Fetch&& fetch, Use&& use) const {
    const int row = width * (quads * 4);
    if constexpr (kSize > 0) {
      const int top = p.y * kSize, left = p.x * kSize;
      const int corner = ((p.n * height + top) * width + left) * (quads * 4) + p.channel;
      const auto within = [&](int k) {
        return top + k / kSize < height && left + k % kSize < width;
      };
      const auto at = [&](int k) { return corner + k / kSize * row + k % kSize * (quads * 4); };
      decltype(fetch(corner)) fetched[kSize * kSize];
#pragma unroll
      for (int k = 0; k < kSize * kSize; ++k) fetched[k] = fetch(within(k) ? at(k) : corner);
#pragma unroll
      for (int k = 0; k < kSize * kSize; ++k) {
        if (within(k)) use(at(k), fetched[k]);
      }
    } else {
      for (int y = p.y * size[0]; y < (p.y + 1) * size[0] && y < height; ++y) {
        for (int x = p.x * size[1]; x < (p.x + 1) * size[1] && x < width; ++x) {
          const int at = ((p.n * height + y) * width + x) * (quads * 4) + p.channel;
          use(at, fetch(at));
        }
      }
    }
  }
};

// As MaxPool. kSize: the windows' extents, or 0 for any.
template <int kSize>
struct MaxPoolQuads {
  const float* x;
  float* y;
  WindowQuads w;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const WindowQuads::Place place = w.place(static_cast<int>(i));
    bool started = false;
    Neighbours<4> best{};
    w.each_pixel<kSize>(
        place, [&](int at) { return neighbours_at<4>(x + at); },
        [&](int, const Neighbours<4>& four) {
#pragma unroll
          for (int j = 0; j < 4; ++j) {
            const float value = four.value[j];
            if (!started || value > best.value[j] || value != value) best.value[j] = value;
          }
          started = true;
        });
    put_neighbours<4>(y + w.output(place), best);
  }
};

// What a pixel gets of its window's gradient, where nothing stands before the pooling.
struct Passed {
  template <int N>
  struct Some {
    TREINO_HOST_DEVICE float operator()(float dy, float, int) const { return dy; }
  };
  template <int N>
  TREINO_HOST_DEVICE Some<N> some(Index) const {
    return {};
  }
};

// dy to the first pixel of each window that holds `chosen`, from there by `slope`, which makes dx of
// it and of x. Windows that are only begun get no gradient.
template <int kSize, typename Slope = Passed>
struct PoolGradQuads {
  const float *dy, *x, *chosen;
  float* dx;
  Slope slope;
  WindowQuads w;
  bool masked;  // 0 where x is not positive
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const WindowQuads::Place place = w.place(static_cast<int>(i));
    const bool whole = place.y < w.out[0] && place.x < w.out[1];
    const auto line = slope.template some<4>(place.channel);
    Neighbours<4> gradient{}, wanted{};
    if (whole) {
      const int from = w.output(place);
      gradient = neighbours_at<4>(dy + from);
      wanted = neighbours_at<4>(chosen + from);
    }
    bool open[4] = {whole, whole, whole, whole};
    w.each_pixel<kSize>(
        place, [&](int at) { return neighbours_at<4>(x + at); },
        [&](int at, const Neighbours<4>& four) {
          Neighbours<4> result{};
#pragma unroll
          for (int j = 0; j < 4; ++j) {
            const float value = four.value[j];
            const bool first = open[j] && value == wanted.value[j];
            if (first) open[j] = false;
            const float spread = first ? gradient.value[j] : 0;
            result.value[j] = masked && !(value > 0) ? 0 : line(spread, value, j);
          }
          put_neighbours<4>(dx + at, result);
        });
  }
};

}  // namespace treino::cuda
