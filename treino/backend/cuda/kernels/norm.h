// SPDX-License-Identifier: Apache-2.0
// Batch norm over all axes but the last, pooled or not. Sums over rows are taken in two levels (as
// in reduce.h), several at once: kernels that differ in what they add leave partial sums
// [sum][chunk][channel] in double, and one that finishes them leaves what each element needs of its
// channel, in float.
#pragma once

#include "treino/backend/cuda/kernels/window.h"

namespace treino::cuda {

// The two levels' extents. Index (chunk, channel) of the first, index channel of the second.
struct ChannelChunks {
  double* partial;
  Divisor channels;
  Index chunks;

  TREINO_HOST_DEVICE double* at(Index sum, Index chunk, Index channel) const {
    return partial + (sum * chunks + chunk) * channels + channel;
  }
  // A channel's whole sums, `count` of them from `first` on.
  template <int count>
  TREINO_HOST_DEVICE void add(Index channel, Index first, double (&sums)[count]) const {
    struct Terms {
      double of[count];
    };
    for (double& sum : sums) sum = 0;
    in_order(
        0, chunks,
        [&](Index chunk) {
          Terms terms;
          for (int k = 0; k < count; ++k) terms.of[k] = *at(first + k, chunk, channel);
          return terms;
        },
        [&](Index, const Terms& terms) {
          for (int k = 0; k < count; ++k) sums[k] += terms.of[k];
        });
  }
};

// Sums of x - o and (x - o)^2 with o the channel's first x: near enough to the mean that the
// variance keeps its digits.
struct Moments {
  const float* x;
  ChannelChunks to;
  Index rows;

  TREINO_HOST_DEVICE double origin(Index c) const {
    const float first = x[c];
    return first - first == 0 ? first : 0;
  }
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const Index chunk = i / to.channels, c = i - chunk * to.channels;
    const double o = origin(c);
    double sum = 0, squares = 0;
    in_order(
        rows * chunk / to.chunks, rows * (chunk + 1) / to.chunks,
        [&](Index row) { return x[row * to.channels + c]; },
        [&](Index, float value) {
          const double away = value - o;
          sum += away;
          squares += away * away;
        });
    *to.at(0, chunk, c) = sum;
    *to.at(1, chunk, c) = squares;
  }
};

// Mean, biased variance, and gamma / deviation of each channel.
struct FinishMoments {
  Moments of;
  const float* gamma;
  float *mean, *variance, *scale;
  double epsilon;
  TREINO_HOST_DEVICE void operator()(Index c) const {
    double sums[2];
    of.to.add<2>(c, 0, sums);
    const double share = 1 / static_cast<double>(of.rows), away = sums[0] * share;
    const double squares = sums[1] * share - away * away;
    mean[c] = static_cast<float>(of.origin(c) + away);
    variance[c] = squares < 0 ? 0 : static_cast<float>(squares);
    scale[c] = static_cast<float>(gamma[c] / std::sqrt(variance[c] + epsilon));
  }
};

// An element by what is known of its channel.
struct Normalized {
  const float *mean, *scale, *beta;
  TREINO_HOST_DEVICE float operator()(float x, Index c) const {
    return (x - mean[c]) * scale[c] + beta[c];
  }
};

struct Normalize {
  const float* x;
  float* y;
  Normalized normalized;
  Divisor channels;
  TREINO_HOST_DEVICE void operator()(Index i) const { y[i] = normalized(x[i], i % channels); }
};

// The largest normalized x of each window: the largest x where gamma >= 0, the smallest elsewhere.
struct NormPool {
  const float *x, *gamma;
  float *y, *chosen;
  Normalized normalized;
  Window w;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const Index pixel = i / w.channels, c = i - pixel * w.channels;
    const bool least = gamma[c] < 0;
    bool started = false;
    float best = 0;
    w.each_tap(w.output_pixel(pixel), [&](Index tap) {
      const float value = x[tap * w.channels + c];
      if (!started || (least ? value < best : value > best)) best = value;
      started = true;
    });
    chosen[i] = best;
    y[i] = normalized(best, c);
  }
};

// What the gradient adds of each channel. Index (chunk, channel), then, where the sum of dx is
// wanted, index (chunk, channel) once more: of all x, of which windows chose only some.
struct GradSums {
  enum Sum { of_dy, of_products, of_passed_dy, passed, of_passed_x, kSums };  // x - mean for x

  const float *dy, *x, *mean;  // x that dy belongs to
  const float* all;            // x; null: nothing beyond products is wanted
  ChannelChunks to;
  Index rows, all_rows;
  bool masked;  // only x > 0 pass

  TREINO_HOST_DEVICE bool passes(float value) const { return !masked || value > 0; }
  TREINO_HOST_DEVICE void operator()(Index i) const {
    Index chunk = i / to.channels;
    const Index c = i - chunk * to.channels;
    const double middle = mean[c];
    if (chunk >= to.chunks) {
      chunk -= to.chunks;
      double count = 0, sum = 0;
      in_order(
          all_rows * chunk / to.chunks, all_rows * (chunk + 1) / to.chunks,
          [&](Index row) { return all[row * to.channels + c]; },
          [&](Index, float value) {
            if (!passes(value)) return;
            count += 1;
            sum += value - middle;
          });
      *to.at(passed, chunk, c) = count;
      *to.at(of_passed_x, chunk, c) = sum;
      return;
    }
    struct Pair {
      float dy, x;
    };
    double sum = 0, products = 0, through = 0;
    in_order(
        rows * chunk / to.chunks, rows * (chunk + 1) / to.chunks,
        [&](Index row) {
          const Index at = row * to.channels + c;
          return Pair{dy[at], x[at]};
        },
        [&](Index, const Pair& pair) {
          sum += pair.dy;
          products += pair.dy * (pair.x - middle);
          if (passes(pair.x)) through += pair.dy;
        });
    *to.at(of_dy, chunk, c) = sum;
    *to.at(of_products, chunk, c) = products;
    if (all != nullptr) *to.at(of_passed_dy, chunk, c) = through;
  }
};

// dx = factor (dy - offset - slope (x - mean)), in each channel.
struct NormSlope {
  const float* mean;
  float* terms;  // [3][channels]
  Index channels;
  TREINO_HOST_DEVICE float operator()(float dy, float x, Index c) const {
    return terms[c] * (dy - terms[channels + c] - terms[2 * channels + c] * (x - mean[c]));
  }
};

// dgamma, dbeta, the slope, and the sum of all dx where it is wanted.
struct FinishGrad {
  ChannelChunks sums;
  const float *gamma, *variance;
  float *dgamma, *dbeta, *dx_sum;  // the last may be null
  NormSlope slope;
  double rows, epsilon;
  TREINO_HOST_DEVICE void operator()(Index c) const {
    const double inverse = 1 / std::sqrt(variance[c] + epsilon), factor = gamma[c] * inverse;
    double sum[2];
    sums.add<2>(c, 0, sum);
    const double offset = sum[0] / rows, steep = sum[1] * inverse * inverse / rows;
    dbeta[c] = static_cast<float>(sum[0]);
    dgamma[c] = static_cast<float>(sum[1] * inverse);
    slope.terms[c] = static_cast<float>(factor);
    slope.terms[slope.channels + c] = static_cast<float>(offset);
    slope.terms[2 * slope.channels + c] = static_cast<float>(steep);
    if (dx_sum == nullptr) return;
    double through[3];
    sums.add<3>(c, GradSums::of_passed_dy, through);
    dx_sum[c] =
        static_cast<float>(factor * (through[0] - offset * through[1] - steep * through[2]));
  }
};

struct NormalizeGrad {
  const float *dy, *x;
  float* dx;
  NormSlope slope;
  Divisor channels;
  TREINO_HOST_DEVICE void operator()(Index i) const { dx[i] = slope(dy[i], x[i], i % channels); }
};

struct NormPoolGrad {
  ToChosen spread;  // dy over x
  NormSlope slope;
  bool masked;  // 0 where x is not positive
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const float x = spread.x[i];
    spread.dx[i] = masked && !(x > 0) ? 0.F : slope(spread.at(i), x, i % spread.w.channels);
  }
};

}  // namespace treino::cuda
