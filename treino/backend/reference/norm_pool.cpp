// SPDX-License-Identifier: Apache-2.0
// batch_norm, then max_pool, as their definitions say; what was chosen is found by its index.
#include <cmath>
#include <limits>
#include <vector>

#include "treino/backend/reference/kernels.h"

namespace treino::reference {

namespace {

// Calls visit(output index, input index) for every pixel of every window, window by window.
template <typename Visit>
void each_tap(const WindowAttributes& w, Visit visit) {
  const std::int64_t channels = w.input[3], height = w.output_extent(0), width = w.output_extent(1);
  for (std::int64_t out = 0; out < w.input[0] * height * width * channels; ++out) {
    const std::int64_t c = out % channels, ox = out / channels % width;
    const std::int64_t oy = out / channels / width % height, n = out / channels / width / height;
    for (std::int64_t ky = 0; ky < w.size[0]; ++ky) {
      for (std::int64_t kx = 0; kx < w.size[1]; ++kx) {
        const std::int64_t y = oy * w.stride[0] - w.pad_before[0] + ky * w.dilation[0];
        const std::int64_t x = ox * w.stride[1] - w.pad_before[1] + kx * w.dilation[1];
        if (y < 0 || x < 0 || y >= w.input[1] || x >= w.input[2]) continue;
        visit(out, ((n * w.input[1] + y) * w.input[2] + x) * channels + c);
      }
    }
  }
}

}  // namespace

void batch_norm_pool(const Call& call) {
  const auto& attributes = call.attributes<NormPoolAttributes>();
  const double *x = call.in[0].reals(), *gamma = call.in[1].reals(), *beta = call.in[2].reals();
  const std::int64_t channels = call.in[0].shape().back(), rows = call.in[0].size() / channels;
  for (std::int64_t c = 0; c < channels; ++c) {
    double mean = 0, variance = 0;
    for (std::int64_t i = c; i < rows * channels; i += channels) mean += x[i];
    mean /= static_cast<double>(rows);
    for (std::int64_t i = c; i < rows * channels; i += channels)
      variance += (x[i] - mean) * (x[i] - mean);
    call.out[1].reals()[c] = mean;
    call.out[2].reals()[c] = variance / static_cast<double>(rows);
  }
  double *y = call.out[0].reals(), *chosen = call.out[3].reals();
  for (std::int64_t i = 0; i < call.out[0].size(); ++i)
    y[i] = -std::numeric_limits<double>::infinity();
  std::vector<bool> seen(static_cast<std::size_t>(call.out[0].size()), false);
  each_tap(attributes.window, [&](std::int64_t out, std::int64_t in) {
    const std::int64_t c = in % channels;
    const double value = (x[in] - call.out[1].reals()[c]) /
                             std::sqrt(call.out[2].reals()[c] + attributes.epsilon) * gamma[c] +
                         beta[c];
    const bool better = gamma[c] != 0 && value > y[out];  // else all are equal: the first
    if (seen[static_cast<std::size_t>(out)] && !better) return;
    seen[static_cast<std::size_t>(out)] = true;
    y[out] = value;
    chosen[out] = x[in];
  });
}

void batch_norm_pool_grad(const Call& call) {
  const auto& attributes = call.attributes<NormPoolAttributes>();
  const double *dy = call.in[0].reals(), *x = call.in[1].reals(), *chosen = call.in[2].reals();
  const std::int64_t channels = call.in[1].shape().back(), rows = call.in[1].size() / channels;
  const double count = static_cast<double>(rows);
  std::vector<double> spread(static_cast<std::size_t>(call.in[1].size()), 0.0);
  std::int64_t last = -1;  // the output whose element has been found
  each_tap(attributes.window, [&](std::int64_t out, std::int64_t in) {
    if (out == last || x[in] != chosen[out]) return;
    spread[static_cast<std::size_t>(in)] += dy[out];
    last = out;
  });
  for (std::int64_t c = 0; c < channels; ++c) {
    const double gamma = call.in[3].reals()[c], mean = call.in[4].reals()[c];
    const double deviation = std::sqrt(call.in[5].reals()[c] + attributes.epsilon);
    double dgamma = 0, dbeta = 0, sum = 0;
    for (std::int64_t i = c; i < rows * channels; i += channels) {
      dgamma += spread[static_cast<std::size_t>(i)] * (x[i] - mean) / deviation;
      dbeta += spread[static_cast<std::size_t>(i)];
    }
    for (std::int64_t i = c; i < rows * channels; i += channels) {
      const double h = (x[i] - mean) / deviation;
      double dx = gamma / deviation *
                  (spread[static_cast<std::size_t>(i)] - dbeta / count - h * dgamma / count);
      if (attributes.window.activation == Op::relu && !(x[i] > 0)) dx = 0;
      call.out[0].reals()[i] = dx;
      sum += dx;
    }
    call.out[1].reals()[c] = dgamma;
    call.out[2].reals()[c] = dbeta;
    call.out[3].reals()[c] = sum;
  }
}

}  // namespace treino::reference
