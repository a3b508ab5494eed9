// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cuda/kernels/divisor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "treino/base/rng.h"

namespace treino::cuda {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

void expect_exact(std::int64_t n, std::int64_t d) {
  const Divisor divisor(d);
  ASSERT_EQ(n / divisor, n / d) << n << " / " << d;
  ASSERT_EQ(n % divisor, n % d) << n << " % " << d;
  if (std::max(n, d) > std::numeric_limits<int>::max()) return;
  const SmallDivisor small(static_cast<int>(d));
  ASSERT_EQ(static_cast<int>(n) / small, n / d) << n << " / " << d;
}

TEST(CudaDivisor, IsExactForSmallNumbers) {
  for (std::int64_t d = 1; d <= 300; ++d) {
    for (std::int64_t n = 0; n <= 1000; ++n) expect_exact(n, d);
  }
}

// Where a quotient changes, for divisors and quotients of every size.
TEST(CudaDivisor, IsExactBesideMultiples) {
  Rng rng(1, 0);
  for (int i = 0; i < 200000; ++i) {
    const auto d = static_cast<std::int64_t>(rng.below(1ULL << (1 + i % 63)) | 1ULL << (i % 63));
    const auto q = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(kMost / d) + 1));
    expect_exact(q * d, d);
    if (q * d > 0) expect_exact(q * d - 1, d);
    if (q * d < kMost) expect_exact(q * d + 1, d);
  }
}

TEST(CudaDivisor, IsExactAtTheEnds) {
  constexpr std::int64_t kMostSmall = std::numeric_limits<int>::max();
  for (int bits = 0; bits < 63; ++bits) {
    const std::int64_t power = std::int64_t{1} << bits;
    for (const std::int64_t d : {power, power + 1, std::max<std::int64_t>(power - 1, 1)}) {
      for (const std::int64_t n : {std::int64_t{0}, d, d - 1, kMostSmall, kMostSmall - 1,
                                   kMostSmall / d * d, kMost, kMost - 1, kMost / d * d})
        expect_exact(n, d);
    }
  }
}

}  // namespace
}  // namespace treino::cuda
