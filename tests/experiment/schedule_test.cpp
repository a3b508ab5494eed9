// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <vector>

namespace treino::experiment {
namespace {

bool same(const std::vector<Turn>& a, const std::vector<Turn>& b) {
  return std::ranges::equal(a, b, [](const Turn& x, const Turn& y) {
    return std::tie(x.block, x.position, x.contestant) ==
           std::tie(y.block, y.position, y.contestant);
  });
}

TEST(Schedule, EveryBlockRunsEverybodyOnce) {
  const auto turns = balanced_schedule({{0, 2, 4}, {1, 3}}, 7, 1);
  ASSERT_EQ(turns.size(), 35u);
  for (int block = 1; block <= 7; ++block) {
    std::set<int> seen;
    for (const Turn& turn : turns) {
      if (turn.block == block) seen.insert(turn.contestant);
    }
    EXPECT_EQ(seen.size(), 5u) << block;
  }
}

TEST(Schedule, GroupsStayTogether) {
  const auto turns = balanced_schedule({{0, 2, 4}, {1, 3}}, 6, 2);
  for (std::size_t i = 1; i < turns.size(); ++i) {
    if (turns[i].block != turns[i - 1].block) continue;
    const bool changes = turns[i].contestant % 2 != turns[i - 1].contestant % 2;
    EXPECT_EQ(turns[i].position, changes ? 1 : turns[i - 1].position + 1);
  }
}

class Balance : public testing::TestWithParam<int> {};

TEST_P(Balance, PlacesAndNeighbours) {
  const int n = GetParam();
  std::vector<int> members;
  for (int i = 0; i < n; ++i) members.push_back(i);
  const int rows = n % 2 == 0 ? n : 2 * n;
  const auto turns = balanced_schedule({members}, rows, 5);
  std::map<std::pair<int, int>, int> at_place, after;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    ++at_place[{turns[i].contestant, turns[i].position}];
    if (turns[i].position > 1) ++after[{turns[i - 1].contestant, turns[i].contestant}];
  }
  ASSERT_EQ(at_place.size(), static_cast<std::size_t>(n) * n);
  for (const auto& [key, count] : at_place) EXPECT_EQ(count, rows / n);
  ASSERT_EQ(after.size(), static_cast<std::size_t>(n) * (n - 1));
  for (const auto& [key, count] : after) EXPECT_EQ(count, rows / n);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Balance, testing::Values(2, 3, 4, 5, 6, 7));

TEST(Schedule, TheSeedDecides) {
  const auto first = balanced_schedule({{0, 1, 2, 3}}, 10, 1);
  const auto again = balanced_schedule({{0, 1, 2, 3}}, 10, 1);
  const auto other = balanced_schedule({{0, 1, 2, 3}}, 10, 2);
  EXPECT_TRUE(same(first, again));
  EXPECT_FALSE(same(first, other));
}

TEST(Schedule, OneAlone) {
  const auto turns = balanced_schedule({{0}}, 3, 1);
  ASSERT_EQ(turns.size(), 3u);
  EXPECT_EQ(turns[2].block, 3);
}

}  // namespace
}  // namespace treino::experiment
