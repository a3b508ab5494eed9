// SPDX-License-Identifier: Apache-2.0
// Rows of softmax, one an index.
#pragma once

#include "treino/backend/cuda/kernels/common.h"

namespace treino::cuda {

// A row of e^(z - largest) / sum; gives ln sum e^z.
TREINO_HOST_DEVICE float softmax_row(const float* z, float* p, Index width) {
  const auto logit = [&](Index k) { return z[k]; };
  float largest = z[0], sum = 0;
  in_order(1, width, logit, [&](Index, float value) {
    if (value > largest || value != value) largest = value;
  });
  if (width <= kAtOnce) {  // a few classes stay in registers
    float e[kAtOnce] = {};
    in_order(0, width, logit,
             [&](Index k, float value) { sum += e[k] = std::exp(value - largest); });
    const float share = 1 / sum;
    for (int k = 0; k < kAtOnce; ++k) {
      if (k < width) p[k] = e[k] * share;
    }
  } else {
    in_order(0, width, logit,
             [&](Index k, float value) { sum += p[k] = std::exp(value - largest); });
    in_order(
        0, width, [&](Index k) { return p[k]; }, [&](Index k, float e) { p[k] = e / sum; });
  }
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

// With the gradient scale (p sum(t) - t), or without; p may be its place.
struct CrossEntropy {
  const float *z, *t;
  float *loss, *p;
  const float* sums;  // of each row of t
  float* gradient;    // or null
  float scale;
  Index width;
  TREINO_HOST_DEVICE void operator()(Index row) const {
    const float *logits = z + row * width, *targets = t + row * width;
    const float log_sum = softmax_row(logits, p + row * width, width);
    struct Pair {
      float value, target;
    };
    float sum = 0;
    in_order(
        0, width,
        [&](Index k) {
          return Pair{logits[k], targets[k]};
        },
        [&](Index, const Pair& pair) { sum += pair.target * (log_sum - pair.value); });
    loss[row] = sum;
    if (gradient == nullptr) return;
    const float* shares = p + row * width;
    const float all = sums[row];
    float* result = gradient + row * width;
    in_order(
        0, width,
        [&](Index k) {
          return Pair{shares[k], targets[k]};
        },
        [&](Index k, const Pair& pair) { result[k] = scale * (all * pair.value - pair.target); });
  }
};

}  // namespace treino::cuda
