// SPDX-License-Identifier: Apache-2.0
#include "treino/base/rng.h"

#include <gtest/gtest.h>

#include <cmath>

namespace treino {
namespace {

// Known answers of the generator's authors (Random123, kat_vectors, philox4x32-10).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, 0),
            (std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, 0xffffffffffffffff),
            (std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

TEST(Rng, MomentsOfUniformAndNormal) {
  Rng rng(1, 2);
  double sum = 0, squares = 0, normal_sum = 0, normal_squares = 0;
  constexpr int kCount = 200'000;
  for (int i = 0; i < kCount; ++i) {
    const double u = rng.uniform(), z = rng.normal();
    ASSERT_TRUE(u >= 0 && u < 1);
    sum += u, squares += u * u, normal_sum += z, normal_squares += z * z;
  }
  EXPECT_NEAR(sum / kCount, 0.5, 0.003);
  EXPECT_NEAR(squares / kCount, 1.0 / 3, 0.003);
  EXPECT_NEAR(normal_sum / kCount, 0, 0.01);
  EXPECT_NEAR(normal_squares / kCount, 1, 0.02);
}

TEST(Rng, BelowCoversItsRangeEvenly) {
  Rng rng(3, 0);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70'000; ++i) ++counts[rng.below(7)];
  for (int count : counts) EXPECT_NEAR(count, 10'000, 400);
}

TEST(Rng, StreamsDiffer) {
  Rng a(1, 0), b(1, 1), again(1, 0);
  EXPECT_NE(a.next_u32(), b.next_u32());
  again.next_u32();
  EXPECT_EQ(a.next_u32(), again.next_u32());
}

}  // namespace
}  // namespace treino
