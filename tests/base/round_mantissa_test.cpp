// SPDX-License-Identifier: Apache-2.0
#include "treino/base/round_mantissa.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace treino {
namespace {

TEST(RoundMantissa, TakesTheNearestAndTiesToEven) {
  EXPECT_EQ(round_bf16(1.0F), 1.0F);
  EXPECT_EQ(round_bf16(1.0F + 0x1p-8F), 1.0F);              // a tie, down to even
  EXPECT_EQ(round_bf16(1.0F + 0x1.8p-7F), 1.0F + 0x1p-6F);  // a tie, up to even
  EXPECT_EQ(round_bf16(1.0F + 0x1.001p-8F), 1.0F + 0x1p-7F);
  EXPECT_EQ(round_bf16(-1.0F - 0x1.8p-7F), -1.0F - 0x1p-6F);
  EXPECT_EQ(round_tf32(1.0F + 0x1p-11F), 1.0F);
  EXPECT_EQ(round_tf32(1.0F + 0x1.8p-10F), 1.0F + 0x1p-9F);
  EXPECT_EQ(round_tf32(1.0F + 0x1p-10F), 1.0F + 0x1p-10F);
}

TEST(RoundMantissa, CarriesIntoTheExponent) {
  EXPECT_EQ(round_bf16(1.999F), 2.0F);
  EXPECT_EQ(round_tf32(0x1.fffp-3F), 0x1p-2F);
}

TEST(RoundMantissa, KeepsZerosInfinitiesAndNaN) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_TRUE(std::signbit(round_bf16(-0.0F)));
  EXPECT_EQ(round_bf16(infinity), infinity);
  EXPECT_EQ(round_tf32(-infinity), -infinity);
  EXPECT_TRUE(std::isnan(round_bf16(std::nanf("1"))));
  EXPECT_TRUE(std::isnan(round_tf32(std::numeric_limits<float>::signaling_NaN())));
}

TEST(RoundMantissa, BeyondTheLargestIsInfinite) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(round_bf16(std::numeric_limits<float>::max()), infinity);
  EXPECT_EQ(round_tf32(std::numeric_limits<float>::lowest()), -infinity);
  EXPECT_EQ(round_bf16(0x1.fep127F), 0x1.fep127F);
}

TEST(RoundMantissa, RoundsNumbersBelowTheNormalOnesToo) {
  EXPECT_EQ(round_bf16(0x1.01p-130F), 0x1p-130F);
  EXPECT_EQ(round_bf16(0x1p-149F), 0.0F);
}

}  // namespace
}  // namespace treino
