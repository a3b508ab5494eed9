// SPDX-License-Identifier: Apache-2.0
// The networks that trainings on the CUDA device are tested with, one parameter of a test each.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/train/support.h"

namespace treino::cuda::test {

inline auto every_network() {
  return testing::Values(&train::test::kDense, &train::test::kConv, &train::test::kAugmented,
                         &train::test::kResidual);
}
inline std::string network_name(const testing::TestParamInfo<const std::string*>& info) {
  constexpr const char* kNames[] = {"dense", "conv", "augmented", "residual"};
  return kNames[info.index];
}

}  // namespace treino::cuda::test
