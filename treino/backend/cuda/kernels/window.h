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
  Divisor height, width, channels;  // of the input
  Divisor out[2];                   // extents of the output
  Index size[2];
  Divisor stride[2], dilation[2];
  Index pad[2];

  TREINO_HOST_DEVICE Pixel output_pixel(Index i) const { return pixel(i, out[0], out[1]); }
  TREINO_HOST_DEVICE Pixel input_pixel(Index i) const { return pixel(i, height, width); }
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
    if (from < 0) return -1;
    const Index o = from / stride[d];
    return o * stride[d] == from && o < out[d] ? o : -1;
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
    each_output(0, p.y, [&](Index oy) {
      each_output(1, p.x, [&](Index ox) { f(Pixel{p.n, oy, ox}); });
    });
  }

 private:
  TREINO_HOST_DEVICE static Pixel pixel(Index i, const Divisor& height, const Divisor& width) {
    const Index row = i / width, n = row / height;
    return {n, row - n * height, i - row * width};
  }
  // The outputs one of whose taps lies at i along a dimension.
  template <typename F>
  TREINO_HOST_DEVICE void each_output(int d, Index i, F&& f) const {
    const Index at = i + pad[d], before = at - (size[d] - 1) * dilation[d] + stride[d] - 1;
    Index last = at / stride[d];
    if (last >= out[d]) last = out[d] - 1;
    for (Index o = before > 0 ? before / stride[d] : 0; o <= last; ++o) {
      if (dilation[d] == 1 || (at - o * stride[d]) % dilation[d] == 0) f(o);
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
  TREINO_HOST_DEVICE float at(Index i) const {
    const Index own = i / w.channels, c = i - own * w.channels;
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
    return sum;
  }
  TREINO_HOST_DEVICE void operator()(Index i) const { dx[i] = at(i); }
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
