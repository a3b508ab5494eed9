// SPDX-License-Identifier: Apache-2.0
// Batch norm over all axes but the last, pooled or not: one launch adds in double over the rows and
// leaves what each element needs of its channel, in float; a second works on the elements.
#pragma once

#include "treino/backend/cuda/kernels/known_group.h"
#include "treino/backend/cuda/kernels/row_sums.h"
#include "treino/backend/cuda/kernels/window.h"

namespace treino::cuda {

// 1 / square root.
TREINO_HOST_DEVICE double inverse_root(double x) {
#ifdef __CUDA_ARCH__
  return rsqrt(x);
#else
  return 1 / std::sqrt(x);
#endif
}

// Mean, biased variance, and gamma / deviation of each channel, from sums of x - o and (x - o)^2
// with o the channel's first x. Those of a few rows are added in float, around the first of them:
// near enough to the mean that the variance keeps its digits.
struct Moments {
  static constexpr int kSums = 2;
  struct Known {
    float origin, gamma;
  };

  const float *x, *gamma;
  float *mean, *variance, *scale;
  Index rows, channels;
  double epsilon, share;  // 1 / rows

  TREINO_HOST_DEVICE static float finite(float value) { return value - value == 0 ? value : 0; }
  template <int N>
  TREINO_HOST_DEVICE void add(Index c, const RowShare& rows_of, double (&sums)[kSums][N]) const {
    const auto origins = neighbours_at<N>(x + c);
    Neighbours<N> begin{};  // the thread's own origin: that of the channel comes in at the end
    int all_rows = 0;
    rows_of.each_group(
        rows, channels, [&](Index row, bool) { return neighbours_at<N>(x + row + c); },
        [&](const auto& values, int count) {
#pragma unroll
          for (int v = 0; v < N; ++v) {
            const float near = finite(values[0].value[v]);
            float sum = 0, squares = 0;
#pragma unroll
            for (int j = 0; j < RowShare::kAtOnce; ++j) {
              const float away = values[j].value[v] - near;  // 0 of a row that there is not
              sum += away;
              squares += away * away;
            }
            if (all_rows == 0) begin.value[v] = near;
            add_few(sums[0][v], sums[1][v], sum, squares, count,
                    static_cast<double>(near) - begin.value[v]);
          }
          all_rows += count;
        });
#pragma unroll
    for (int v = 0; v < N; ++v) {
      const double few = sums[0][v], squares = sums[1][v];
      sums[0][v] = sums[1][v] = 0;
      add_few(sums[0][v], sums[1][v], few, squares, all_rows,
              static_cast<double>(begin.value[v]) - finite(origins.value[v]));
    }
  }
  // Those of `count` rows around one origin to those around another, which is `away` before it.
  TREINO_HOST_DEVICE static void add_few(double& sum, double& squares, double few,
                                         double few_squares, int count, double away) {
    const double moved = few + count * away;
    sum += moved;
    squares += few_squares + away * (few + moved);
  }
  TREINO_HOST_DEVICE Known known(Index c) const {
    return {x[c], gamma[c]};
  }
  TREINO_HOST_DEVICE void finish(Index c, const double (&sums)[kSums], const Known& known) const {
    const double away = sums[0] * share, squares = sums[1] * share - away * away;
    const float spread = squares < 0 ? 0 : static_cast<float>(squares);
    mean[c] = static_cast<float>(finite(known.origin) + away);
    variance[c] = spread;
    scale[c] = static_cast<float>(known.gamma * inverse_root(spread + epsilon));
  }
};

// Elements by what is known of their channels.
struct Normalized {
  const float *mean, *scale, *beta;

  // N neighbouring channels, fetched.
  template <int N>
  struct Some {
    Neighbours<N> mean, scale, beta;
    TREINO_HOST_DEVICE float operator()(float x, int j) const {
      return (x - mean.value[j]) * scale.value[j] + beta.value[j];
    }
  };
  template <int N>
  TREINO_HOST_DEVICE Some<N> some(Index c) const {
    return {neighbours_at<N>(mean + c), neighbours_at<N>(scale + c), neighbours_at<N>(beta + c)};
  }
};

// Nothing reads the elements in the kernel that makes them.
struct Alone {};

// Index i: N neighbours of a row. Group: what reads them, of which they are the first input; then y
// may be null, and their offsets fit into an int.
template <int N, typename Group = Alone>
struct Normalize {
  const float* x;
  float* y;
  Normalized normalized;
  Divisor across;  // channels / N
  Group group;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    auto values = neighbours_at<N>(x + i * N);
    const auto some = normalized.some<N>(i % across * N);
#pragma unroll
    for (int j = 0; j < N; ++j) values.value[j] = some(values.value[j], j);
    if constexpr (!std::is_same_v<Group, Alone>) {
      group.template end<true, N>(values.value, [&](int) {
        return Run{static_cast<int>(i * N), N};
      });
      if (y == nullptr) return;
    }
    put_neighbours<N>(y + i * N, values);
  }
};

// The largest normalized x of each window: the largest x where gamma > 0, the smallest where it is
// below, the first where it is 0.
struct NormPool {
  const float *x, *gamma;
  float *y, *chosen;
  Normalized normalized;
  Window w;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const Index pixel = i / w.channels, c = i - pixel * w.channels;
    const bool least = gamma[c] < 0, flat = gamma[c] == 0;
    bool started = false;
    float best = 0;
    w.each_tap(w.output_pixel(pixel), [&](Index tap) {
      const float value = x[tap * w.channels + c];
      if (!started || (!flat && (least ? value < best : value > best))) best = value;
      started = true;
    });
    chosen[i] = best;
    y[i] = normalized.some<1>(c)(best, 0);
  }
};

// dx = factor (dy - offset - slope (x - mean)), in each channel.
struct NormSlope {
  const float* mean;
  float* terms;  // [3][channels]
  Index channels;

  // N neighbouring channels, fetched.
  template <int N>
  struct Some {
    Neighbours<N> mean, factor, offset, steep;
    TREINO_HOST_DEVICE float operator()(float dy, float x, int j) const {
      return factor.value[j] * (dy - offset.value[j] - steep.value[j] * (x - mean.value[j]));
    }
  };
  template <int N>
  TREINO_HOST_DEVICE Some<N> some(Index c) const {
    return {neighbours_at<N>(mean + c), neighbours_at<N>(terms + c),
            neighbours_at<N>(terms + channels + c), neighbours_at<N>(terms + 2 * channels + c)};
  }
  TREINO_HOST_DEVICE void put(Index c, double factor, double offset, double steep) const {
    terms[c] = static_cast<float>(factor);
    terms[channels + c] = static_cast<float>(offset);
    terms[2 * channels + c] = static_cast<float>(steep);
  }
};

// dgamma, dbeta and the slope. dy belongs to `x`: to all elements, or to those that windows chose.
struct NormGradSums {
  static constexpr int kSums = 2;  // dy, dy (x - mean)
  struct Known {
    float gamma, variance;
  };

  const float *dy, *x, *gamma, *variance;
  float *dgamma, *dbeta;
  NormSlope slope;
  Index rows, channels;
  double epsilon, share;  // 1 / rows of all elements

  template <int N>
  TREINO_HOST_DEVICE void add(Index c, const RowShare& rows_of, double (&sums)[kSums][N]) const {
    struct Pair {
      Neighbours<N> dy, x;
    };
    const auto mean = neighbours_at<N>(slope.mean + c);
    rows_of.each_group(
        rows, channels,
        [&](Index row, bool there) {
          return Pair{there ? neighbours_at<N>(dy + row + c) : Neighbours<N>{},
                      neighbours_at<N>(x + row + c)};
        },
        [&](const auto& pairs, int) {
#pragma unroll
          for (int v = 0; v < N; ++v) {
            float sum = 0, products = 0;
#pragma unroll
            for (int j = 0; j < RowShare::kAtOnce; ++j) {
              const float gradient = pairs[j].dy.value[v];
              sum += gradient;
              products += gradient * (pairs[j].x.value[v] - mean.value[v]);
            }
            sums[0][v] += sum;
            sums[1][v] += products;
          }
        });
  }
  TREINO_HOST_DEVICE Known known(Index c) const {
    return {gamma[c], variance[c]};
  }
  TREINO_HOST_DEVICE void finish(Index c, const double (&sums)[kSums], const Known& known) const {
    const double inverse = inverse_root(known.variance + epsilon);
    dbeta[c] = static_cast<float>(sums[0]);
    dgamma[c] = static_cast<float>(sums[1] * inverse);
    slope.put(c, known.gamma * inverse, sums[0] * share, sums[1] * inverse * inverse * share);
  }
};

// The sum of each channel's elements.
struct ChannelSums {
  static constexpr int kSums = 1;
  struct Known {};

  const float* x;
  float* sum;
  Index rows, channels;

  template <int N>
  TREINO_HOST_DEVICE void add(Index c, const RowShare& rows_of, double (&sums)[kSums][N]) const {
    rows_of.each_group(
        rows, channels,
        [&](Index row, bool there) {
          return there ? neighbours_at<N>(x + row + c) : Neighbours<N>{};
        },
        [&](const auto& values, int) {
#pragma unroll
          for (int v = 0; v < N; ++v) {
            float few = 0;
#pragma unroll
            for (int j = 0; j < RowShare::kAtOnce; ++j) few += values[j].value[v];
            sums[0][v] += few;
          }
        });
  }
  TREINO_HOST_DEVICE Known known(Index) const {
    return {};
  }
  TREINO_HOST_DEVICE void finish(Index c, const double (&sums)[kSums], const Known&) const {
    sum[c] = static_cast<float>(sums[0]);
  }
};

// As Normalize.
template <int N>
struct NormalizeGrad {
  const float *dy, *x;
  float* dx;
  NormSlope slope;
  Divisor across;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    auto gradient = neighbours_at<N>(dy + i * N);
    const auto values = neighbours_at<N>(x + i * N);
    const auto line = slope.some<N>(i % across * N);
#pragma unroll
    for (int j = 0; j < N; ++j) gradient.value[j] = line(gradient.value[j], values.value[j], j);
    put_neighbours<N>(dx + i * N, gradient);
  }
};

struct NormPoolGrad {
  ToChosen spread;  // dy over x
  NormSlope slope;
  bool masked;  // 0 where x is not positive
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const float x = spread.x[i];
    spread.dx[i] =
        masked && !(x > 0) ? 0.F : slope.some<1>(i % spread.w.channels)(spread.at(i), x, 0);
  }
};

}  // namespace treino::cuda
