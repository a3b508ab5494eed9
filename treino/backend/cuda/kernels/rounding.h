// SPDX-License-Identifier: Apache-2.0
// What becomes of a number before it is multiplied, where its products are made without tensor
// cores: they are exact in f32, as those of tensor cores are.
#pragma once

#include "treino/backend/cuda/kernels/tensor_cores.h"

namespace treino::cuda {

struct Unrounded {
  TREINO_HOST_DEVICE static float round(float value) { return value; }
};
struct RoundedTf32 {
  TREINO_HOST_DEVICE static float round(float value) { return as_float(Tf32Words::word(value)); }
};
struct RoundedBf16 {
  TREINO_HOST_DEVICE static float round(float value) {
    return as_float(Bf16Words::word(value, 0) << 16);
  }
};

}  // namespace treino::cuda
