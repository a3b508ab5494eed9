// SPDX-License-Identifier: Apache-2.0
// Levels keep the order of phases that touch the same memory and run every slice once.
#include "treino/backend/cpu/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "treino/base/rng.h"

namespace treino::cpu {
namespace {

// A phase whose state is its own number, so that it is known again.
class Phases {
 public:
  void add(Index slices, double nanoseconds, std::vector<int> reads, std::vector<int> writes) {
    Phase phase;
    phase.slices = slices;
    phase.nanoseconds = nanoseconds;
    phase.state = &names_.at(all_.size());
    for (const int cell : reads) phase.reads.push_back({0, cell, cell + 1});
    for (const int cell : writes) phase.writes.push_back({0, cell, cell + 1});
    all_.push_back(std::move(phase));
  }
  const std::vector<Phase>& all() const { return all_; }
  std::size_t number(const Stage& stage) const {
    return static_cast<std::size_t>(static_cast<const char*>(stage.state) - names_.data());
  }

 private:
  std::vector<char> names_ = std::vector<char>(64);
  std::vector<Phase> all_;
};

struct Place {
  std::size_t level = 0, stage = 0, chain = 0;  // chain: its first phase
  Index slices = 0;
};

std::map<std::size_t, Place> places(const Phases& phases, const std::vector<Level>& levels) {
  std::map<std::size_t, Place> found;
  for (std::size_t l = 0; l < levels.size(); ++l) {
    for (const Share& share : levels[l].shares) {
      for (const Task& task : share.tasks) {
        for (std::size_t s = 0; s < task.stages.size(); ++s) {
          Place& place = found[phases.number(task.stages[s])];
          place.level = l;
          place.stage = s;
          place.chain = phases.number(task.stages[0]);
          place.slices += task.end - task.begin;
        }
      }
    }
  }
  return found;
}

TEST(Schedule, KeepsTheOrderOfWhatTouchesTheSameMemory) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Rng rng(11, seed);
    Phases phases;
    for (int i = 0; i < 14; ++i) {
      std::vector<int> reads, writes{static_cast<int>(rng.below(9))};
      for (std::uint64_t k = rng.below(3); k-- > 0;)
        reads.push_back(static_cast<int>(rng.below(9)));
      const Index slices = rng.below(3) == 0 ? 1 : static_cast<Index>(2 + rng.below(15));
      phases.add(slices, 100.0 * static_cast<double>(1 + rng.below(2000)), reads, writes);
    }
    for (const int workers : {1, 3}) {
      const auto found = places(phases, make_levels(phases.all(), workers));
      for (std::size_t j = 0; j < phases.all().size(); ++j) {
        EXPECT_EQ(found.at(j).slices, phases.all()[j].slices) << seed;
        for (std::size_t i = 0; i < j; ++i) {
          if (!conflict(phases.all()[i], phases.all()[j])) continue;
          const Place &before = found.at(i), &after = found.at(j);
          EXPECT_TRUE(before.level < after.level ||
                      (before.chain == after.chain && before.stage < after.stage))
              << seed << ": " << i << " and " << j;
        }
      }
    }
  }
}

// By estimate no worker of a level has more than the longest slice over another one, and long
// slices come first.
TEST(Schedule, SharesTheTimeOfALevelEvenly) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Rng rng(12, seed);
    Phases phases;
    for (int i = 0; i < 9; ++i) {
      const Index slices = rng.below(2) == 0 ? 1 : static_cast<Index>(2 + rng.below(31));
      phases.add(slices, 100.0 * static_cast<double>(1 + rng.below(2000)), {}, {i});
    }
    for (const int workers : {1, 2, 3, 16}) {
      const std::vector<Level> levels = make_levels(phases.all(), workers);
      ASSERT_EQ(levels.size(), 1U);
      double longest = 0, least = 1e12, most = 0;
      for (const Share& share : levels[0].shares) {
        double load = 0, before = 1e12;
        for (const Task& task : share.tasks) {
          const Phase& phase = phases.all()[phases.number(task.stages[0])];
          const double each = phase.nanoseconds / static_cast<double>(phase.slices);
          EXPECT_LE(each, before) << seed;
          before = each;
          longest = std::max(longest, each);
          load += each * static_cast<double>(task.end - task.begin);
        }
        least = std::min(least, load);
        most = std::max(most, load);
      }
      EXPECT_LE(most - least, longest * 1.001) << seed << ", " << workers << " workers";
    }
  }
}

}  // namespace
}  // namespace treino::cpu
