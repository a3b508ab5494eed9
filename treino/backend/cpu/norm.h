// SPDX-License-Identifier: Apache-2.0
// What the planners of batch norm share: by itself and under a pooling.
#pragma once

#include "treino/backend/cpu/plan.h"

namespace treino::cpu {

struct Norm {
  const Kernels* kernels = nullptr;
  const float *x = nullptr, *dy = nullptr, *gamma = nullptr, *beta = nullptr;
  const float *given_mean = nullptr, *given_variance = nullptr;  // gradient
  float *out = nullptr, *mean = nullptr, *variance = nullptr;    // mean and variance forward
  float *dgamma = nullptr, *dbeta = nullptr;                     // gradient
  double* parts = nullptr;                                       // [slices, 2, channels]
  float *scale = nullptr, *slope = nullptr, *shift = nullptr;    // [channels]
  Index rows = 0, channels = 0, slices = 1;
  Index samples = 0;  // axis 0; slices share it
  double epsilon = 0;

  double bytes() const { return 4.0 * static_cast<double>(rows * channels); }  // of x
  // Of a phase over channels and slices alone.
  double short_nanoseconds() const { return static_cast<double>((slices * 2 + 20) * channels); }
};

// All but what is written and the step's small tensors; `x` is [..., channels], cut along axis 0.
void prepare_norm(Planner& planner, const Tensor& x, double epsilon, Norm& norm);

// One slice: mean, variance, scale and shift from the slices' sums.
void run_statistics(const void* norm, Index, std::byte*);
// One slice: dgamma, dbeta, scale, slope and shift of dx from the slices' sums.
void run_gradient_coefficients(const void* norm, Index, std::byte*);

}  // namespace treino::cpu
