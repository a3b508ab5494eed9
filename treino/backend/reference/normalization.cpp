// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "treino/backend/reference/kernels.h"

namespace treino::reference {

// Ioffe and Szegedy, "Batch normalization", 2015; statistics over every axis but the last.
void batch_norm(const Call& call) {
  const double epsilon = call.attributes<NormAttributes>().epsilon;
  const double *x = call.in[0].reals(), *gamma = call.in[1].reals(), *beta = call.in[2].reals();
  const std::int64_t channels = call.in[0].shape().back(), rows = call.in[0].size() / channels;
  for (std::int64_t c = 0; c < channels; ++c) {
    double mean = 0, variance = 0;
    for (std::int64_t i = 0; i < rows; ++i) mean += x[i * channels + c];
    mean /= static_cast<double>(rows);
    for (std::int64_t i = 0; i < rows; ++i)
      variance += (x[i * channels + c] - mean) * (x[i * channels + c] - mean);
    variance /= static_cast<double>(rows);
    for (std::int64_t i = 0; i < rows; ++i) {
      call.out[0].reals()[i * channels + c] =
          (x[i * channels + c] - mean) / std::sqrt(variance + epsilon) * gamma[c] + beta[c];
    }
    call.out[1].reals()[c] = mean;
    call.out[2].reals()[c] = variance;
  }
}

// With h = (x - mean) / sd: dgamma = sum dy h, dbeta = sum dy,
// dx = gamma / sd (dy - mean(dy) - h mean(dy h)).
void batch_norm_grad(const Call& call) {
  const double epsilon = call.attributes<NormAttributes>().epsilon;
  const double *dy = call.in[0].reals(), *x = call.in[1].reals(), *gamma = call.in[2].reals();
  const std::int64_t channels = call.in[0].shape().back(), rows = call.in[0].size() / channels;
  const double count = static_cast<double>(rows);
  for (std::int64_t c = 0; c < channels; ++c) {
    const double mean = call.in[3].reals()[c];
    const double deviation = std::sqrt(call.in[4].reals()[c] + epsilon);
    double dgamma = 0, dbeta = 0;
    for (std::int64_t i = c; i < rows * channels; i += channels) {
      dgamma += dy[i] * (x[i] - mean) / deviation;
      dbeta += dy[i];
    }
    for (std::int64_t i = c; i < rows * channels; i += channels) {
      const double h = (x[i] - mean) / deviation;
      call.out[0].reals()[i] = gamma[c] / deviation * (dy[i] - dbeta / count - h * dgamma / count);
    }
    call.out[1].reals()[c] = dgamma;
    call.out[2].reals()[c] = dbeta;
  }
}

namespace {

// p = e^(z - max) / sum; returns ln sum e^z.
double softmax_row(const double* z, double* p, std::int64_t width) {
  const double largest = *std::max_element(z, z + width);
  double sum = 0;
  for (std::int64_t k = 0; k < width; ++k) sum += p[k] = std::exp(z[k] - largest);
  for (std::int64_t k = 0; k < width; ++k) p[k] /= sum;
  return largest + std::log(sum);
}

}  // namespace

void softmax(const Call& call) {
  const std::int64_t width = call.in[0].shape().back();
  for (std::int64_t row = 0; row < call.in[0].size(); row += width) {
    const std::vector<double> z(call.in[0].reals() + row, call.in[0].reals() + row + width);
    softmax_row(z.data(), call.out[0].reals() + row, width);
  }
}

void cross_entropy(const Call& call) {
  const std::int64_t rows = call.in[0].shape()[0], width = call.in[0].shape()[1];
  for (std::int64_t row = 0; row < rows; ++row) {
    const double *z = call.in[0].reals() + row * width, *t = call.in[1].reals() + row * width;
    const double log_sum = softmax_row(z, call.out[1].reals() + row * width, width);
    double loss = 0;
    for (std::int64_t k = 0; k < width; ++k) loss += t[k] * (log_sum - z[k]);
    call.out[0].reals()[row] = loss;
  }
}

}  // namespace treino::reference
