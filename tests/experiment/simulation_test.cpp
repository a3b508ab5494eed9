// SPDX-License-Identifier: Apache-2.0
// Whole experiments with made-up readings: how often schedule, test and verdict together are wrong.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <string>

#include "treino/base/rng.h"
#include "treino/experiment/schedule.h"
#include "treino/experiment/statistics.h"

namespace treino::experiment {
namespace {

constexpr int kExperiments = 100;

// Log-normal noise with now and then a run much slower, as shared machines have it.
double noise(Rng& rng, double deviation) {
  const double hiccup = rng.uniform() < 0.03 ? 5 * deviation * rng.uniform() : 0;
  return std::exp(deviation * rng.normal() + hiccup);
}

struct World {
  std::vector<double> true_seconds;  // by contestant
  double deviation = 0.02;
  double first_place_factor = 1;  // what standing first in a block costs
  double drift = 0;               // of the machine, from block to block
};

// The comparisons of all pairs after `blocks` blocks in this world.
std::vector<Comparison> experiment(const World& world, int blocks, std::uint64_t seed) {
  const std::size_t n = world.true_seconds.size();
  std::vector<int> members;
  for (std::size_t i = 0; i < n; ++i) members.push_back(static_cast<int>(i));
  std::vector<std::vector<double>> readings(n, std::vector<double>(blocks));
  Rng rng(seed, 9);
  for (const Turn& turn : balanced_schedule({members}, blocks, seed)) {
    const double machine = 1 + world.drift * turn.block;
    readings[turn.contestant][turn.block - 1] = world.true_seconds[turn.contestant] * machine *
                                                noise(rng, world.deviation) *
                                                (turn.position == 1 ? world.first_place_factor : 1);
  }
  CompareOptions options;
  options.resamples =
      2000;  // ends of the interval move by a hundredth of its length, in a fifth of the time
  std::vector<Comparison> family;
  for (std::size_t a = 0; a < n; ++a) {
    for (std::size_t b = a + 1; b < n; ++b)
      family.push_back(compare_pair(readings[a], readings[b], options));
  }
  decide(family, true);
  return family;
}

bool winner(const Comparison& one) {
  return one.verdict == "faster" || one.verdict == "slower";
}

// Experiments, of 100, in which any pair has a winner.
int with_winner(const World& world, int blocks = 10) {
  int count = 0;
  for (int seed = 1; seed <= kExperiments; ++seed) {
    bool any = false;
    for (const Comparison& one : experiment(world, blocks, seed)) any = any || winner(one);
    count += any ? 1 : 0;
  }
  return count;
}

int found_faster(const World& world, int blocks = 10) {
  int count = 0;
  for (int seed = 1; seed <= kExperiments; ++seed) {
    count += experiment(world, blocks, seed)[0].verdict == "faster" ? 1 : 0;
  }
  return count;
}

TEST(Simulation, TheSameTwiceShowsNoDifference) {
  EXPECT_LE(with_winner({{1, 1}}), 7);
  EXPECT_LE(with_winner({{1, 1}, 0.10}), 7);
}

TEST(Simulation, FiveTimesTheSameShowsNoDifference) {
  EXPECT_LE(with_winner({{1, 1, 1, 1, 1}}), 7);
}

TEST(Simulation, FivePercentAreFoundWithTenBlocks) {
  EXPECT_GE(found_faster({{1, 1.05}}), 95);
}

TEST(Simulation, StandingFirstChangesNoVerdict) {
  EXPECT_LE(with_winner({{1, 1}, 0.02, 1.10}), 7);
  EXPECT_GE(found_faster({{1, 1.20}, 0.02, 1.05}), 95);
  EXPECT_LE(with_winner({{1, 1, 1, 1}, 0.02, 1.10}), 7);
}

TEST(Simulation, ADriftingMachineChangesNoVerdict) {
  EXPECT_LE(with_winner({{1, 1}, 0.02, 1, 0.05}), 7);
  EXPECT_GE(found_faster({{1, 1.05}, 0.02, 1, 0.05}), 95);
}

std::vector<double> recorded_noise() {
  std::ifstream file(std::string(TREINO_SOURCE_DIR) + "/tests/experiment/recorded_noise.txt");
  std::vector<double> seconds;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with('#')) seconds.push_back(std::stod(line));
  }
  return seconds;
}

// Stretches of a real A/A recording, slow spells and all, instead of made-up noise.
TEST(Simulation, TheSameTwiceUnderRecordedNoiseShowsNoDifference) {
  const std::vector<double> noise = recorded_noise();
  ASSERT_EQ(noise.size(), 200u);
  int wrong = 0;
  for (int seed = 1; seed <= kExperiments; ++seed) {
    Rng rng(seed, 10);
    std::size_t at = rng.below(noise.size());
    std::vector<std::vector<double>> readings(2, std::vector<double>(10));
    for (const Turn& turn : balanced_schedule({{0, 1}}, 10, seed)) {
      readings[turn.contestant][turn.block - 1] = noise[at++ % noise.size()];
    }
    std::vector<Comparison> family = {compare_pair(readings[0], readings[1])};
    decide(family, true);
    wrong += winner(family[0]) ? 1 : 0;
  }
  EXPECT_LE(wrong, 7);
}

TEST(Simulation, IntervalsHoldTheTruth) {
  int held = 0;
  for (int seed = 1; seed <= kExperiments; ++seed) {
    held += experiment({{1, 1.3}, 0.03}, 10, seed)[0].ci95.value().contains(1 / 1.3) ? 1 : 0;
  }
  EXPECT_GE(held, 88);  // 95 wanted; of 100, fewer than 88 would come once in 500
}

}  // namespace
}  // namespace treino::experiment
