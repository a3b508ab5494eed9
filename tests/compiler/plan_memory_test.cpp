// SPDX-License-Identifier: Apache-2.0
#include "treino/compiler/plan_memory.h"

#include <gtest/gtest.h>

#include "treino/base/rng.h"

namespace treino::compiler {
namespace {

TEST(PlanMemory, SharesPlacesOverTime) {
  std::int64_t total = 0;
  const auto offsets = plan_memory({{100, 0, 1}, {100, 2, 3}, {50, 1, 2}}, total, 64);
  EXPECT_EQ(offsets[0], offsets[1]);
  EXPECT_EQ(offsets[2], 128);
  EXPECT_EQ(total, 178);
}

TEST(PlanMemory, NeverOverlapsWhatIsAliveTogether) {
  Rng rng(7, 0);
  for (int round = 0; round < 50; ++round) {
    std::vector<Block> blocks;
    for (int i = 0; i < 60; ++i) {
      const int first = static_cast<int>(rng.below(100));
      blocks.push_back({static_cast<std::int64_t>(rng.below(5000)) + 1, first,
                        first + static_cast<int>(rng.below(20))});
    }
    std::int64_t total = 0;
    const auto offsets = plan_memory(blocks, total, 64);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      EXPECT_EQ(offsets[i] % 64, 0);
      EXPECT_LE(offsets[i] + blocks[i].bytes, total);
      for (std::size_t j = 0; j < i; ++j) {
        const bool together =
            blocks[i].first <= blocks[j].last && blocks[j].first <= blocks[i].last;
        const bool apart = offsets[i] + blocks[i].bytes <= offsets[j] ||
                           offsets[j] + blocks[j].bytes <= offsets[i];
        EXPECT_TRUE(!together || apart) << i << " and " << j;
      }
    }
  }
}

}  // namespace
}  // namespace treino::compiler
