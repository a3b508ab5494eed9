// SPDX-License-Identifier: Apache-2.0
// What planners of products share.
#pragma once

#include "treino/backend/cuda/plan.h"

namespace treino::cuda {

// What a product does to its sums, and where the results go.
struct End {
  float* out;
  Epilogue epilogue;

  bool is_plain() const {
    const Epilogue& e = epilogue;
    return e.bias == nullptr && !e.relu && e.kept == nullptr && e.mask == nullptr &&
           e.gate == nullptr && !e.updates();
  }
};

// An extent in 32 bits; Error::work where it is larger.
int small(const Step& step, Index extent);

// Whether a library makes this convolution or gradient, or this product, with launches of ours
// before and behind.
bool plan_convolution_by_library(Planner&, const Step&, const End&);
bool plan_product_by_library(Planner&, const Step&, const End&);

}  // namespace treino::cuda
