// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "treino/backend/reference/kernels.h"

namespace treino::reference {

namespace {

// Calls f(n, oy, ox, iy, ix, ky, kx) for every output pixel and kernel place that falls inside the
// image.
template <typename F>
void for_each_tap(const WindowAttributes& w, F&& f) {
  for (std::int64_t n = 0; n < w.input[0]; ++n)
    for (std::int64_t oy = 0; oy < w.output_extent(0); ++oy)
      for (std::int64_t ox = 0; ox < w.output_extent(1); ++ox)
        for (std::int64_t ky = 0; ky < w.size[0]; ++ky)
          for (std::int64_t kx = 0; kx < w.size[1]; ++kx) {
            const std::int64_t iy = oy * w.stride[0] + ky * w.dilation[0] - w.pad_before[0];
            const std::int64_t ix = ox * w.stride[1] + kx * w.dilation[1] - w.pad_before[1];
            if (iy >= 0 && iy < w.input[1] && ix >= 0 && ix < w.input[2])
              f(n, oy, ox, iy, ix, ky, kx);
          }
}

// Offsets of a tap's first channel in x, kernel and y, and the channel loops of a convolution:
// calls f(x index, kernel index, y index) for every product of the sum.
template <typename F>
void for_each_product(const WindowAttributes& w, F&& f) {
  const std::int64_t inner = w.kernel[2], filters = w.kernel[3], in = w.input[3];
  const std::int64_t filters_a_group = filters / w.groups;
  const std::int64_t height = w.output_extent(0), width = w.output_extent(1);
  for_each_tap(w, [&](auto n, auto oy, auto ox, auto iy, auto ix, auto ky, auto kx) {
    const std::int64_t x = ((n * w.input[1] + iy) * w.input[2] + ix) * in;
    const std::int64_t y = ((n * height + oy) * width + ox) * filters;
    const std::int64_t k = (ky * w.size[1] + kx) * inner * filters;
    for (std::int64_t c = 0; c < inner; ++c)
      for (std::int64_t o = 0; o < filters; ++o) {
        f(x + o / filters_a_group * inner + c, k + c * filters + o, y + o);
      }
  });
}

void clear(const View& view) {
  std::fill_n(view.reals(), view.size(), 0.0);
}

// Bias along the last axis and activation, where the node has them.
void epilogue(const Call& call, Op activation) {
  double* y = call.out[0].reals();
  const std::int64_t columns = call.out[0].shape().back();
  for (std::int64_t i = 0; i < call.out[0].size(); ++i) {
    if (call.in.size() > 2) y[i] += call.in[2].reals()[i % columns];
    y[i] = evaluate(activation, y[i], 0, 0);
  }
}

}  // namespace

void matmul(const Call& call) {
  const auto& m = call.attributes<MatmulAttributes>();
  const Shape &a = call.in[0].shape(), &b = call.in[1].shape();
  const std::int64_t rows = call.out[0].shape()[0], columns = call.out[0].shape()[1];
  const std::int64_t inner = a[!m.transpose_a];
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) {
      double sum = 0;
      for (std::int64_t k = 0; k < inner; ++k) {
        sum += call.in[0].reals()[m.transpose_a ? k * a[1] + i : i * a[1] + k] *
               call.in[1].reals()[m.transpose_b ? j * b[1] + k : k * b[1] + j];
      }
      call.out[0].reals()[i * columns + j] = sum;
    }
  epilogue(call, m.activation);
}

void conv2d(const Call& call) {
  const auto& w = call.attributes<WindowAttributes>();
  const double *x = call.in[0].reals(), *kernel = call.in[1].reals();
  double* y = call.out[0].reals();
  clear(call.out[0]);
  for_each_product(w, [&](auto i, auto k, auto o) { y[o] += x[i] * kernel[k]; });
  epilogue(call, w.activation);
}

void conv2d_grad_input(const Call& call) {
  const double *dy = call.in[0].reals(), *kernel = call.in[1].reals();
  double* dx = call.out[0].reals();
  clear(call.out[0]);
  for_each_product(call.attributes<WindowAttributes>(),
                   [&](auto i, auto k, auto o) { dx[i] += dy[o] * kernel[k]; });
}

void conv2d_grad_kernel(const Call& call) {
  const double *x = call.in[0].reals(), *dy = call.in[1].reals();
  double* dkernel = call.out[0].reals();
  clear(call.out[0]);
  for_each_product(call.attributes<WindowAttributes>(),
                   [&](auto i, auto k, auto o) { dkernel[k] += x[i] * dy[o]; });
}

namespace {

// Calls f(x pixel, y pixel) for every window place inside the image; pixels are channel 0's index.
template <typename F>
void for_each_window_pixel(const WindowAttributes& w, F&& f) {
  const std::int64_t height = w.output_extent(0), width = w.output_extent(1), channels = w.input[3];
  for_each_tap(w, [&](auto n, auto oy, auto ox, auto iy, auto ix, auto, auto) {
    f(((n * w.input[1] + iy) * w.input[2] + ix) * channels,
      ((n * height + oy) * width + ox) * channels);
  });
}

// How many places of each window lie inside the image, one number an output pixel.
std::vector<double> window_counts(const WindowAttributes& w) {
  std::vector<double> counts(
      static_cast<std::size_t>(w.input[0] * w.output_extent(0) * w.output_extent(1)), 0);
  for_each_window_pixel(
      w, [&](auto, auto y) { counts[static_cast<std::size_t>(y / w.input[3])] += 1; });
  return counts;
}

}  // namespace

void max_pool(const Call& call) {
  const auto& w = call.attributes<WindowAttributes>();
  const std::int64_t channels = w.input[3];
  std::vector<bool> started(static_cast<std::size_t>(call.out[0].size()), false);
  for_each_window_pixel(w, [&](auto x, auto y) {
    for (std::int64_t c = 0; c < channels; ++c) {
      double value = call.in[0].reals()[x + c];
      if (call.in.size() > 1) value = value * call.in[1].reals()[c] + call.in[2].reals()[c];
      double& best = call.out[0].reals()[y + c];
      if (!started[static_cast<std::size_t>(y + c)] || value > best || value != value) best = value;
      started[static_cast<std::size_t>(y + c)] = true;
    }
  });
}

void max_pool_grad(const Call& call) {
  const auto& w = call.attributes<WindowAttributes>();
  const double *dy = call.in[0].reals(), *values = call.in[1].reals(), *best = call.in[2].reals();
  std::vector<bool> given(static_cast<std::size_t>(call.in[0].size()), false);
  clear(call.out[0]);
  for_each_window_pixel(w, [&](auto x, auto y) {
    for (std::int64_t c = 0; c < w.input[3]; ++c) {
      if (given[static_cast<std::size_t>(y + c)] || values[x + c] != best[y + c]) continue;
      call.out[0].reals()[x + c] += dy[y + c];
      given[static_cast<std::size_t>(y + c)] = true;
    }
  });
}

void avg_pool(const Call& call) {
  const auto& w = call.attributes<WindowAttributes>();
  const std::vector<double> counts = window_counts(w);
  clear(call.out[0]);
  for_each_window_pixel(w, [&](auto x, auto y) {
    for (std::int64_t c = 0; c < w.input[3]; ++c) {
      call.out[0].reals()[y + c] +=
          call.in[0].reals()[x + c] / counts[static_cast<std::size_t>(y / w.input[3])];
    }
  });
}

void avg_pool_grad(const Call& call) {
  const auto& w = call.attributes<WindowAttributes>();
  const std::vector<double> counts = window_counts(w);
  clear(call.out[0]);
  for_each_window_pixel(w, [&](auto x, auto y) {
    for (std::int64_t c = 0; c < w.input[3]; ++c) {
      call.out[0].reals()[x + c] +=
          call.in[0].reals()[y + c] / counts[static_cast<std::size_t>(y / w.input[3])];
    }
  });
}

}  // namespace treino::reference
