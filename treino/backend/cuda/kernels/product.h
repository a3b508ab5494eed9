// SPDX-License-Identifier: Apache-2.0
// Convolutions by their definition, one result an index: those of several groups.
#pragma once

#include "treino/backend/cuda/kernels/epilogue.h"
#include "treino/backend/cuda/kernels/window.h"

namespace treino::cuda {

struct Conv {
  const float *x, *kernel;
  float* y;
  Window w;
  Filters f;
  Epilogue epilogue;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const Index o = i % f.filters;
    const Pixel out = w.output_pixel(i / f.filters);
    const Index first = o / (f.filters / f.groups) * f.inner;
    float sum = 0;
    for (Index ky = 0; ky < w.size[0]; ++ky) {
      const Index iy = w.input_at(0, out.y, ky);
      if (iy < 0) continue;
      for (Index kx = 0; kx < w.size[1]; ++kx) {
        const Index ix = w.input_at(1, out.x, kx);
        if (ix < 0) continue;
        const float* pixel = x + w.input_index({out.n, iy, ix}) * w.channels + first;
        const float* tap = kernel + (ky * w.size[1] + kx) * f.inner * f.filters + o;
        for (Index c = 0; c < f.inner; ++c) sum += pixel[c] * tap[c * f.filters];
      }
    }
    epilogue.end(sum, epilogue.needs(i, o), y, i);
  }
};

struct ConvGradInput {
  const float *dy, *kernel;
  float* dx;
  Window w;
  Filters f;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const Index c = i % w.channels, group = c / f.inner, each = f.filters / f.groups;
    const Pixel in = w.input_pixel(i / w.channels);
    float sum = 0;
    for (Index ky = 0; ky < w.size[0]; ++ky) {
      const Index oy = w.output_at(0, in.y, ky);
      if (oy < 0) continue;
      for (Index kx = 0; kx < w.size[1]; ++kx) {
        const Index ox = w.output_at(1, in.x, kx);
        if (ox < 0) continue;
        const float* pixel = dy + w.output_index({in.n, oy, ox}) * f.filters + group * each;
        const float* tap =
            kernel + ((ky * w.size[1] + kx) * f.inner + c % f.inner) * f.filters + group * each;
        for (Index o = 0; o < each; ++o) sum += pixel[o] * tap[o];
      }
    }
    dx[i] = sum;
  }
};

// Index (chunk of output pixels, element of the kernel).
struct ConvGradKernel {
  const float *x, *dy;
  float* partial;  // [chunks][elements]
  Window w;
  Filters f;
  Index elements, pixels, chunks;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const Index element = i % elements, chunk = i / elements;
    const Index o = element % f.filters, c = element / f.filters % f.inner;
    const Index tap = element / f.filters / f.inner;
    const Index channel = o / (f.filters / f.groups) * f.inner + c;
    float sum = 0;
    for (Index p = pixels * chunk / chunks; p < pixels * (chunk + 1) / chunks; ++p) {
      const Pixel out = w.output_pixel(p);
      const Index iy = w.input_at(0, out.y, tap / w.size[1]);
      const Index ix = w.input_at(1, out.x, tap % w.size[1]);
      if (iy < 0 || ix < 0) continue;
      sum += x[w.input_index({out.n, iy, ix}) * w.channels + channel] * dy[p * f.filters + o];
    }
    partial[i] = sum;
  }
};

}  // namespace treino::cuda
