// SPDX-License-Identifier: Apache-2.0
#include "treino/base/bell.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

namespace treino {
namespace {

TEST(Bell, IsNotWaitedForWhereItIsThereAlready) {
  Bell bell;
  bell.await(0, [] { return true; });
  int looks = 0;
  bell.await(100, [&] { return ++looks == 50; });
  EXPECT_EQ(looks, 50);
  EXPECT_FALSE(bell.awaited());
}

TEST(Bell, WakesAllSleepersAndTheyLookAgain) {
  Bell bell;
  std::atomic<int> there{0}, passed{0};
  std::vector<std::thread> sleepers;
  for (int wanted : {1, 1, 2}) {
    sleepers.emplace_back([&, wanted] {
      bell.await(0, [&] { return there >= wanted; });
      ++passed;
    });
  }
  while (!bell.awaited()) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  bell.ring();  // for nothing
  EXPECT_EQ(passed, 0);
  there = 1;
  if (bell.awaited()) bell.ring();
  while (passed < 2) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  EXPECT_EQ(passed, 2) << "the third waits on";
  there = 2;
  if (bell.awaited()) bell.ring();
  for (std::thread& sleeper : sleepers) sleeper.join();
  EXPECT_FALSE(bell.awaited());
}

// Two threads in turn, neither looking more than once before it sleeps: a wake-up that is lost ends
// the test never.
TEST(Bell, LosesNoWakeUp) {
  Bell bell;
  std::atomic<int> turn{0};
  const auto play = [&](int own) {
    for (int i = own; i < 20'000; i += 2) {
      bell.await(0, [&] { return turn == i; });
      turn = i + 1;
      if (bell.awaited()) bell.ring();
    }
  };
  std::thread other(play, 1);
  play(0);
  other.join();
  EXPECT_EQ(turn, 20'000);
}

}  // namespace
}  // namespace treino
