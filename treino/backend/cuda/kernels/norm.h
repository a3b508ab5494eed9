// SPDX-License-Identifier: Apache-2.0
// Batch norm over all axes but the last, pooled or not: one launch adds in double over the rows and
// leaves what each element needs of its channel, in float; a second works on the elements.
#pragma once

#include "treino/backend/cuda/kernels/row_sums.h"
#include "treino/backend/cuda/kernels/window.h"

namespace treino::cuda {

// Mean, biased variance, and gamma / deviation of each channel, from sums of x - o and (x - o)^2
// with o the channel's first x: near enough to the mean that the variance keeps its digits.
struct Moments {
  static constexpr int kSums = 2;

  const float *x, *gamma;
  float *mean, *variance, *scale;
  Index rows, channels;
  double epsilon;

  TREINO_HOST_DEVICE double origin(Index c) const {
    const float first = x[c];
    return first - first == 0 ? first : 0;
  }
  TREINO_HOST_DEVICE void add(Index c, const RowShare& share, double (&sums)[kSums]) const {
    const double o = origin(c);
    share.each(
        rows, [&](Index row) { return x[row * channels + c]; },
        [&](float value) {
          const double away = value - o;
          sums[0] += away;
          sums[1] += away * away;
        });
  }
  TREINO_HOST_DEVICE void finish(Index c, const double (&sums)[kSums]) const {
    const double share = 1 / static_cast<double>(rows), away = sums[0] * share;
    const double squares = sums[1] * share - away * away;
    mean[c] = static_cast<float>(origin(c) + away);
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

// dx = factor (dy - offset - slope (x - mean)), in each channel.
struct NormSlope {
  const float* mean;
  float* terms;  // [3][channels]
  Index channels;
  TREINO_HOST_DEVICE float operator()(float dy, float x, Index c) const {
    return terms[c] * (dy - terms[channels + c] - terms[2 * channels + c] * (x - mean[c]));
  }
  TREINO_HOST_DEVICE void put(Index c, double factor, double offset, double steep) const {
    terms[c] = static_cast<float>(factor);
    terms[channels + c] = static_cast<float>(offset);
    terms[2 * channels + c] = static_cast<float>(steep);
  }
};

// dgamma, dbeta, the slope, and the sum of all dx where that is wanted. dy belongs to `x`: to all
// elements, or to those that windows chose of `all`.
template <bool kSumsDx>
struct NormGradSums {
  enum Sum { of_dy, of_products, of_passed_dy, passed, of_passed_x };  // x - mean for x
  static constexpr int kSums = kSumsDx ? 5 : 2;

  const float *dy, *x, *all, *gamma, *variance;
  float *dgamma, *dbeta, *dx_sum;
  NormSlope slope;
  Index rows, all_rows, channels;
  double epsilon;
  bool masked;  // dx is 0 where x is not positive

  TREINO_HOST_DEVICE bool passes(float value) const { return !masked || value > 0; }
  TREINO_HOST_DEVICE void add(Index c, const RowShare& share, double (&sums)[kSums]) const {
    struct Pair {
      float dy, x;
    };
    const double mean = slope.mean[c];
    share.each(
        rows,
        [&](Index row) {
          const Index at = row * channels + c;
          return Pair{dy[at], x[at]};
        },
        [&](const Pair& pair) {
          sums[of_dy] += pair.dy;
          sums[of_products] += pair.dy * (pair.x - mean);
          if constexpr (kSumsDx) sums[of_passed_dy] += passes(pair.x) ? pair.dy : 0;
        });
    if constexpr (kSumsDx) {
      share.each(
          all_rows, [&](Index row) { return all[row * channels + c]; },
          [&](float value) {
            sums[passed] += passes(value) ? 1 : 0;
            sums[of_passed_x] += passes(value) ? value - mean : 0;
          });
    }
  }
  TREINO_HOST_DEVICE void finish(Index c, const double (&sums)[kSums]) const {
    const double inverse = 1 / std::sqrt(variance[c] + epsilon), factor = gamma[c] * inverse;
    const auto count = static_cast<double>(all_rows);
    const double offset = sums[of_dy] / count;
    const double steep = sums[of_products] * inverse * inverse / count;
    dbeta[c] = static_cast<float>(sums[of_dy]);
    dgamma[c] = static_cast<float>(sums[of_products] * inverse);
    slope.put(c, factor, offset, steep);
    if constexpr (kSumsDx) {
      dx_sum[c] = static_cast<float>(
          factor * (sums[of_passed_dy] - offset * sums[passed] - steep * sums[of_passed_x]));
    }
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
