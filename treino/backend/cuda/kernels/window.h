// SPDX-License-Identifier: Apache-2.0
// Windows over NHWC pictures (WindowAttributes), and pooling. Gradients gather: each input pixel
// looks at the windows it lies in, in their order.
#pragma once

#include <limits>

#include "treino/backend/cuda/kernels/common.h"

namespace treino::cuda {

struct Pixel {
  Index n, y, x;
};

struct Window {
  Index height, width, channels;  // of the input
  Index out[2];                   // extents of the output
  Index size[2], stride[2], dilation[2], pad[2];

  TREINO_HOST_DEVICE Pixel output_pixel(Index i) const {
    return {i / out[1] / out[0], i / out[1] % out[0], i % out[1]};
  }
  TREINO_HOST_DEVICE Pixel input_pixel(Index i) const {
    return {i / width / height, i / width % height, i % width};
  }
  TREINO_HOST_DEVICE Index output_index(const Pixel& p) const {
    return (p.n * out[0] + p.y) * out[1] + p.x;
  }
  TREINO_HOST_DEVICE Index input_index(const Pixel& p) const {
    return (p.n * height + p.y) * width + p.x;
  }
  // Where tap k of output o lies along a dimension; -1: outside the picture.
  TREINO_HOST_DEVICE Index input_at(int d, Index o, Index k) const {
    const Index i = o * stride[d] + k * dilation[d] - pad[d];
    return i >= 0 && i < (d == 0 ? height : width) ? i : -1;
  }
  // The output whose tap k lies at i; -1: there is none.
  TREINO_HOST_DEVICE Index output_at(int d, Index i, Index k) const {
    const Index from = i + pad[d] - k * dilation[d];
    if (from < 0 || from % stride[d] != 0) return -1;
    return from / stride[d] < out[d] ? from / stride[d] : -1;
  }
  // Calls f(pixel of the input) for each tap of output pixel p inside the picture, in order.
  template <typename F>
  TREINO_HOST_DEVICE void each_tap(const Pixel& p, F&& f) const {
    for (Index ky = 0; ky < size[0]; ++ky) {
      const Index iy = input_at(0, p.y, ky);
      for (Index kx = 0; iy >= 0 && kx < size[1]; ++kx) {
        const Index ix = input_at(1, p.x, kx);
        if (ix >= 0) f(input_index({p.n, iy, ix}));
      }
    }
  }
  // Calls f(pixel of the output) for each window that input pixel p lies in.
  template <typename F>
  TREINO_HOST_DEVICE void each_window(const Pixel& p, F&& f) const {
    for (Index ky = size[0] - 1; ky >= 0; --ky) {
      const Index oy = output_at(0, p.y, ky);
      for (Index kx = size[1] - 1; oy >= 0 && kx >= 0; --kx) {
        const Index ox = output_at(1, p.x, kx);
        if (ox >= 0) f(Pixel{p.n, oy, ox});
      }
    }
  }
};

struct Filters {
  Index inner, filters, groups;  // input channels of a group
};

struct MaxPool {
  const float* x;
  float* y;
  Window w;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const Index c = i % w.channels;
    bool started = false;
    float best = 0;
    w.each_tap(w.output_pixel(i / w.channels), [&](Index pixel) {
      const float value = x[pixel * w.channels + c];
      if (!started || value > best || value != value) best = value;
      started = true;
    });
    y[i] = best;
  }
};

// dy to the first pixel of each window that holds `chosen`.
struct ToChosen {
  const float *dy, *x, *chosen;
  float* dx;
  Window w;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const Index c = i % w.channels, own = i / w.channels;
    float sum = 0;
    w.each_window(w.input_pixel(own), [&](const Pixel& out) {
      const Index o = w.output_index(out) * w.channels + c;
      if (x[i] != chosen[o]) return;
      bool first = true;
      w.each_tap(out, [&](Index pixel) {
        if (pixel < own && x[pixel * w.channels + c] == chosen[o]) first = false;
      });
      if (first) sum += dy[o];
    });
    dx[i] = sum;
  }
};

struct AvgPool {
  const float* x;
  float* y;
  Window w;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const Index c = i % w.channels;
    float sum = 0;
    int count = 0;
    w.each_tap(w.output_pixel(i / w.channels), [&](Index pixel) {
      sum += x[pixel * w.channels + c];
      ++count;
    });
    y[i] = count == 0 ? 0 : sum / static_cast<float>(count);
  }
};

struct AvgPoolGrad {
  const float* dy;
  float* dx;
  Window w;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    float sum = 0;
    w.each_window(w.input_pixel(i / w.channels), [&](const Pixel& out) {
      int count = 0;
      w.each_tap(out, [&](Index) { ++count; });
      sum += dy[w.output_index(out) * w.channels + i % w.channels] / static_cast<float>(count);
    });
    dx[i] = sum;
  }
};

}  // namespace treino::cuda
