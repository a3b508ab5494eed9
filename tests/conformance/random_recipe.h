// SPDX-License-Identifier: Apache-2.0
// Seeded recipes of every kind: layers of all types, nested residuals, every loss, optimiser and
// schedule, odd sizes. Small, so that hundreds of them run on the reference device.
#pragma once

#include <cstdint>

#include "treino/nn/recipe.h"
#include "treino/nn/steps.h"

namespace treino::conformance {

struct RandomTraining {
  nn::Recipe recipe;
  Shape sample;  // of the data
  DType sample_type = DType::f32;
  std::int64_t classes = 2;
};

// The same for the same seed, everywhere.
RandomTraining random_training(std::uint64_t seed);

}  // namespace treino::conformance
