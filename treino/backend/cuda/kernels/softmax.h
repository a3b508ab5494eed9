// SPDX-License-Identifier: Apache-2.0
// Rows of softmax, one an index, and of its cross entropy, several a tile.
#pragma once

#include "treino/backend/cuda/kernels/tiled.h"

namespace treino::cuda {

// A row of e^(z - largest) / sum.
struct Softmax {
  const float* z;
  float* p;
  Index width;
  TREINO_HOST_DEVICE void operator()(Index row) const {
    const float* from = z + row * width;
    float* to = p + row * width;
    const auto logit = [&](Index k) { return from[k]; };
    float largest = from[0], sum = 0;
    in_order(1, width, logit, [&](Index, float value) {
      if (value > largest || value != value) largest = value;
    });
    if (width <= kAtOnce) {  // a few classes stay in registers
      float e[kAtOnce] = {};
      in_order(0, width, logit,
               [&](Index k, float value) { sum += e[k] = std::exp(value - largest); });
      const float share = 1 / sum;
      for (int k = 0; k < kAtOnce; ++k) {
        if (k < width) to[k] = e[k] * share;
      }
    } else {
      in_order(0, width, logit,
               [&](Index k, float value) { sum += to[k] = std::exp(value - largest); });
      in_order(
          0, width, [&](Index k) { return to[k]; }, [&](Index k, float e) { to[k] = e / sum; });
    }
  }
};

// With the gradient scale (p sum(t) - t), or without; p may be its place. 16 threads a row.
struct CrossEntropy {
  static constexpr int kAcross = 16, kRows = kThreads / kAcross;  // of a tile

  const float *z, *t;
  float *loss, *p;
  const float* sums;  // of each row of t
  float* gradient;    // or null
  float scale;
  Index rows, width;

  TREINO_HOST_DEVICE Index tiles() const { return (rows + kRows - 1) / kRows; }

  struct Shared {
    float largest[kThreads], sum[kThreads], lost[kThreads];
  };
  struct Thread {
    float value, target;  // its first class
    float all, largest;
  };

  template <typename Team>
  TREINO_HOST_DEVICE void tile(Index block, Team& team) const {
    Shared& shared = team.shared;
    const auto lane = [](int thread) { return thread % kAcross; };
    const auto row_of = [&](int thread) { return block * kRows + thread / kAcross; };
    // f(k, z, t) for each class of the thread.
    const auto each_class = [&](int thread, const Thread& own, auto&& f) {
      if (row_of(thread) >= rows || lane(thread) >= width) return;
      const Index row = row_of(thread) * width;
      f(row + lane(thread), own.value, own.target);
#pragma unroll 1  // most have one
      for (Index k = row + lane(thread) + kAcross; k < row + width; k += kAcross) f(k, z[k], t[k]);
    };
    team.each([&](int thread, Thread& own) {
      const Index row = row_of(thread);
      const bool there = row < rows && lane(thread) < width;
      own.value = there ? z[row * width + lane(thread)] : -INFINITY;
      own.target = there ? t[row * width + lane(thread)] : 0;
      own.all = there && gradient != nullptr ? sums[row] : 0;
      float largest = own.value;
      each_class(thread, own, [&](Index, float value, float) { raise(largest, value); });
      shared.largest[thread] = largest;
    });
    team.each([&](int thread, Thread& own) {
      const float* found = shared.largest + thread - lane(thread);
      own.largest = found[0];
#pragma unroll
      for (int k = 1; k < kAcross; ++k) raise(own.largest, found[k]);
      float sum = 0;
      each_class(thread, own,
                 [&](Index, float value, float) { sum += std::exp(value - own.largest); });
      shared.sum[thread] = sum;
    });
    team.each([&](int thread, Thread& own) {
      const float sum = in_lanes(shared.sum + thread - lane(thread));
      const float share = 1 / sum, log_sum = own.largest + std::log(sum);
      float lost = 0;
      each_class(thread, own, [&](Index k, float value, float target) {
        const float part = std::exp(value - own.largest) * share;
        lost += target * (log_sum - value);
        p[k] = part;
        if (gradient != nullptr) gradient[k] = scale * (own.all * part - target);
      });
      shared.lost[thread] = lost;
    });
    team.each([&](int thread, Thread&) {
      if (lane(thread) == 0 && row_of(thread) < rows)
        loss[row_of(thread)] = in_lanes(shared.lost + thread);
    });
  }

 private:
  TREINO_HOST_DEVICE static void raise(float& largest, float value) {
    if (value > largest || value != value) largest = value;
  }
  TREINO_HOST_DEVICE static float in_lanes(const float* parts) {
    float sum = 0;
#pragma unroll
    for (int k = 0; k < kAcross; ++k) sum += parts[k];
    return sum;
  }
};

}  // namespace treino::cuda
