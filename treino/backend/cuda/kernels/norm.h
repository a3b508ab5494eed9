// SPDX-License-Identifier: Apache-2.0
// Batch norm over all axes but the last, pooled or not, and rows of softmax.
#pragma once

#include "treino/backend/cuda/kernels/window.h"

namespace treino::cuda {

struct Channel {
  const float *gamma, *mean, *variance;
  double epsilon;
  TREINO_HOST_DEVICE double inverse(Index c) const { return 1 / std::sqrt(variance[c] + epsilon); }
};

enum class Term : int { value, squared_distance, product };  // x, (x - mean)^2, x h of `other`

// Index (chunk of rows, channel) adds its rows' terms in order.
struct ChannelSums {
  Term term;
  const float *x, *other;
  Channel channel;
  double* partial;  // [chunks][channels]
  Index rows, channels, chunks;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const Index c = i % channels, chunk = i / channels;
    const double mean = term == Term::value ? 0 : channel.mean[c];
    double sum = 0;
    for (Index row = rows * chunk / chunks; row < rows * (chunk + 1) / chunks; ++row) {
      const double value = x[row * channels + c];
      if (term == Term::value)
        sum += value;
      else if (term == Term::squared_distance)
        sum += (value - mean) * (value - mean);
      else
        sum += value * (other[row * channels + c] - mean);
    }
    partial[i] = term == Term::product ? sum * channel.inverse(c) : sum;
  }
};

struct Normalize {
  const float *x, *beta;
  float* y;
  Channel channel;
  Index channels;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const Index c = i % channels;
    const double h = (double{x[i]} - channel.mean[c]) * channel.inverse(c);
    y[i] = static_cast<float>(h * channel.gamma[c] + beta[c]);
  }
};

struct NormalizeGrad {
  const float *dy, *x, *dgamma, *dbeta;
  float* dx;
  Channel channel;
  Index channels;
  double rows;
  bool masked;  // 0 where x is not positive
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const Index c = i % channels;
    const double inverse = channel.inverse(c), h = (double{x[i]} - channel.mean[c]) * inverse;
    const double value =
        channel.gamma[c] * inverse * (dy[i] - dbeta[c] / rows - h * dgamma[c] / rows);
    dx[i] = masked && !(x[i] > 0) ? 0.F : static_cast<float>(value);
  }
};

// The largest normalized x of each window: the largest x where gamma >= 0, the smallest elsewhere.
struct NormPool {
  const float *x, *beta;
  float *y, *chosen;
  Channel channel;
  Window w;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const Index c = i % w.channels;
    const bool least = channel.gamma[c] < 0;
    bool started = false;
    float best = 0;
    w.each_tap(w.output_pixel(i / w.channels), [&](Index pixel) {
      const float value = x[pixel * w.channels + c];
      if (!started || (least ? value < best : value > best)) best = value;
      started = true;
    });
    chosen[i] = best;
    const double h = (double{best} - channel.mean[c]) * channel.inverse(c);
    y[i] = static_cast<float>(h * channel.gamma[c] + beta[c]);
  }
};

// A row of e^(z - largest) / sum; gives ln sum e^z.
TREINO_HOST_DEVICE inline float softmax_row(const float* z, float* p, Index width) {
  float largest = z[0];
  for (Index k = 1; k < width; ++k) largest = z[k] > largest || z[k] != z[k] ? z[k] : largest;
  float sum = 0;
  for (Index k = 0; k < width; ++k) sum += p[k] = std::exp(z[k] - largest);
  for (Index k = 0; k < width; ++k) p[k] /= sum;
  return largest + std::log(sum);
}

struct Softmax {
  const float* z;
  float* p;
  Index width;
  TREINO_HOST_DEVICE void operator()(Index row) const {
    softmax_row(z + row * width, p + row * width, width);
  }
};

struct CrossEntropy {
  const float *z, *t;
  float *loss, *p;
  Index width;
  TREINO_HOST_DEVICE void operator()(Index row) const {
    const float *logits = z + row * width, *targets = t + row * width;
    const float log_sum = softmax_row(logits, p + row * width, width);
    float sum = 0;
    for (Index k = 0; k < width; ++k) sum += targets[k] * (log_sum - logits[k]);
    loss[row] = sum;
  }
};

}  // namespace treino::cuda
