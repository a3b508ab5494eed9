// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cpu/claims.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace treino::cpu {
namespace {

TEST(Claims, GivesEachUnitOfARoundOnce) {
  Claims claims(2);
  EXPECT_EQ(claims.take(0, 1, 2), 0);
  EXPECT_EQ(claims.take(1, 1, 1), 0) << "shares have their own units";
  EXPECT_EQ(claims.take(0, 1, 2), 1);
  EXPECT_EQ(claims.take(0, 1, 2), 2) << "none left";
  EXPECT_EQ(claims.take(1, 1, 1), 1);
  EXPECT_EQ(claims.take(1, 1, 0), 0) << "an empty share";
  EXPECT_EQ(claims.take(0, 2, 2), 0) << "the next round begins again";
}

TEST(Claims, HaveNothingLeftOfARoundThatIsOver) {
  Claims claims(1);
  EXPECT_EQ(claims.take(0, 5, 8), 0);
  EXPECT_EQ(claims.take(0, 4, 8), 8);
  EXPECT_EQ(claims.take(0, 5, 8), 1) << "and asking took nothing";
}

TEST(Claims, HoldManyRoundsAndUnits) {
  Claims claims(1);
  const std::uint64_t late = std::uint64_t{1} << 42;
  const Index many = (1 << 20) - 1;
  EXPECT_EQ(claims.take(0, late, 1), 0);
  EXPECT_EQ(claims.take(0, late, 1), 1);
  EXPECT_EQ(claims.take(0, late - 1, 1), 1);
  for (Index unit = 0; unit < many; ++unit) ASSERT_EQ(claims.take(0, late + 1, many), unit);
  EXPECT_EQ(claims.take(0, late + 1, many), many);
  EXPECT_EQ(claims.take(0, late + 2, many), 0);
}

// Workers 1 and 2 never come: rounds end all the same.
TEST(Claims, OneWorkerDoesTheSharesOfAllThatAreAbsent) {
  Claims claims(3);
  std::int64_t total = 0;
  for (std::uint64_t round = 1; round <= 5; ++round) {
    total += 3 * 4;
    for (int share = 0; share < 3; ++share) {
      EXPECT_FALSE(claims.reached(total));
      Index units = 0;
      while (claims.take(share, round, 4) < 4) ++units;
      EXPECT_EQ(units, 4);
      claims.done(0, units, total);
    }
    claims.await(total, 0);
  }
  for (std::uint64_t round = 1; round <= 5; ++round)
    EXPECT_EQ(claims.take(1, round, 4), 4) << "a worker that comes now finds nothing to do";
}

// Every unit adds to its own number what its round before left: wrong if a unit is done twice, not
// at all or before the round before is over. Workers fall behind in turn; those who wait sleep at
// once.
TEST(Claims, KeepRoundsInOrderWhileWorkersComeAndGo) {
  constexpr int kWorkers = 3;
  constexpr Index kUnits = 5;
  constexpr std::uint64_t kRounds = 300;
  Claims claims(kWorkers);
  std::vector<std::int64_t> values(kWorkers * kUnits, 1), next(values.size());
  const auto work = [&](int worker) {
    std::int64_t total = 0;
    for (std::uint64_t round = 1; round <= kRounds; ++round) {
      total += kWorkers * kUnits;
      const std::vector<std::int64_t>& from = round % 2 == 1 ? values : next;
      std::vector<std::int64_t>& to = round % 2 == 1 ? next : values;
      if (round % 50 == static_cast<std::uint64_t>(worker) * 10)
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      for (int other = 0; other < kWorkers; ++other) {
        const int share = (worker + other) % kWorkers;
        Index units = 0;
        for (;; ++units) {
          const Index unit = claims.take(share, round, kUnits);
          if (unit == kUnits) break;
          const auto i = static_cast<std::size_t>(share * kUnits + unit);
          to[i] = from[i] + from[(i + 1) % from.size()] % 1000;
        }
        if (units > 0) claims.done(worker, units, total);
      }
      claims.await(total, 0);
    }
  };
  std::vector<std::thread> others;
  for (int worker = 1; worker < kWorkers; ++worker) others.emplace_back(work, worker);
  work(0);
  for (std::thread& thread : others) thread.join();

  std::vector<std::int64_t> expected(values.size(), 1);
  for (std::uint64_t round = 1; round <= kRounds; ++round) {
    const std::vector<std::int64_t> before = expected;
    for (std::size_t i = 0; i < before.size(); ++i)
      expected[i] = before[i] + before[(i + 1) % before.size()] % 1000;
  }
  EXPECT_EQ(values, expected);
}

}  // namespace
}  // namespace treino::cpu
