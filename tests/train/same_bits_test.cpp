// SPDX-License-Identifier: Apache-2.0
// The same seed gives the same bits: on any number of threads, repeated, and with a stop in
// between.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include "tests/support/temporary_folder.h"
#include "tests/train/support.h"
#include "treino/base/rng.h"

namespace treino::train::test {
namespace {

using treino::test::TemporaryFolder;

struct Network {
  const char* name;
  const std::string* recipe;
};

class SameBits : public testing::TestWithParam<Network> {
 protected:
  const std::string& recipe() const { return *GetParam().recipe; }
  TemporaryFolder folder_;
};

Settings with(std::vector<nn::Override> overrides) {
  Settings settings;
  settings.overrides = std::move(overrides);
  return settings;
}

TEST_P(SameBits, OnOneTwoAndFourThreadsAndRepeated) {
  for (const char* last : {"partial", "drop", "refill"}) {
    Settings settings = with({{"train.last_batch", last}, {"train.epochs", "2"}});
    train(recipe(), folder_ / (std::string(last) + "1"), settings);
    const std::string state = state_of(folder_ / (std::string(last) + "1"));
    const std::string epochs = epochs_of(folder_ / (std::string(last) + "1"));
    for (const int threads : {1, 2, 4}) {
      settings.threads = threads;
      const std::string again = folder_ / (last + std::to_string(threads) + "again");
      train(recipe(), again, settings);
      EXPECT_TRUE(state_of(again) == state) << last << ", " << threads << " threads";
      EXPECT_EQ(epochs_of(again), epochs) << last << ", " << threads << " threads";
    }
  }
}

TEST_P(SameBits, AnotherSeedGivesOtherOnes) {
  train(recipe(), folder_ / "a", with({{"train.epochs", "1"}}));
  train(recipe(), folder_ / "b", with({{"train.epochs", "1"}, {"train.seed", "99"}}));
  EXPECT_FALSE(state_of(folder_ / "a") == state_of(folder_ / "b"));
}

// Trains two epochs, then on from there to four; also on another number of threads.
TEST_P(SameBits, FourEpochsAreTwoAndTwo) {
  for (const char* last : {"partial", "drop", "refill"}) {
    const std::string whole = folder_ / (std::string(last) + "whole"),
                      parts = folder_ / (std::string(last) + "parts");
    Settings settings = with({{"train.last_batch", last}});
    train(recipe(), whole, settings);
    settings.overrides.emplace_back("train.epochs", "2");
    train(recipe(), parts, settings);
    settings.overrides.back().second = "4";
    settings.resume = true;
    settings.threads = 1;
    const FitResult rest = train(recipe(), parts, settings);
    EXPECT_EQ(rest.epochs.size(), 2U);
    EXPECT_TRUE(state_of(parts) == state_of(whole)) << last;
    EXPECT_EQ(epochs_of(parts), epochs_of(whole)) << last;
  }
}

TEST_P(SameBits, AfterAStopInTheMiddleOfAnEpoch) {
  train(recipe(), folder_ / "whole");
  for (std::int64_t epoch : {1, 3}) {
    const std::string parts = folder_ / ("parts" + std::to_string(epoch));
    StopInEpoch stop(epoch);
    Settings settings;
    settings.observer = &stop;
    const FitResult stopped = train(recipe(), parts, settings);
    EXPECT_EQ(stopped.signal, SIGINT);
    EXPECT_EQ(stopped.epochs.size(), static_cast<std::size_t>(epoch - 1));
    settings = {};
    settings.resume = true;
    train(recipe(), parts, settings);
    EXPECT_TRUE(state_of(parts) == state_of(folder_ / "whole")) << epoch;
    EXPECT_EQ(epochs_of(parts), epochs_of(folder_ / "whole")) << epoch;
  }
}

// Resumed once it is done there is nothing to do, and nothing changes.
TEST_P(SameBits, ResumingAFinishedRunChangesNothing) {
  train(recipe(), folder_ / "run");
  const std::string state = state_of(folder_ / "run"), epochs = epochs_of(folder_ / "run");
  Settings settings;
  settings.resume = true;
  EXPECT_TRUE(train(recipe(), folder_ / "run", settings).epochs.empty());
  EXPECT_TRUE(state_of(folder_ / "run") == state);
  EXPECT_EQ(epochs_of(folder_ / "run"), epochs);
}

// A child process trains without end.
pid_t train_in_a_child(const std::string& recipe, const std::string& folder, bool resume) {
  const pid_t child = fork();
  if (child != 0) return child;
  try {
    Settings settings = with({{"train.epochs", "1000000"}});
    settings.resume = resume;
    train(recipe, folder, settings);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "child: %s\n", error.what());
  }
  _exit(1);
}

std::size_t epochs_done(const std::string& folder) {
  if (!std::filesystem::exists(folder + "/events.jsonl")) return 0;
  return count(events_of(folder), "epoch_stop");
}

// Killed five times at any moment: most of the time goes into writing checkpoints, so that is where
// it often is. Nothing half written is left, and the end is the same.
TEST_P(SameBits, AfterKillNine) {
  const std::string parts = folder_ / "parts";
  Rng rng(static_cast<std::uint64_t>(getpid()), 0);
  std::size_t done = 0;
  for (int kill_number = 0; kill_number < 5; ++kill_number) {
    const pid_t child = train_in_a_child(recipe(), parts, kill_number > 0);
    ASSERT_GT(child, 0);
    const std::size_t wanted = done + 2;
    while (epochs_done(parts) < wanted) {
      int status = 0;
      ASSERT_EQ(waitpid(child, &status, WNOHANG), 0) << "the child has ended by itself";
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(rng.below(30'000)));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    done = epochs_done(parts);
  }
  const std::string total = std::to_string(done + 2);
  Settings settings = with({{"train.epochs", total}});
  train(recipe(), folder_ / "whole", settings);
  settings.resume = true;
  train(recipe(), parts, settings);
  EXPECT_TRUE(state_of(parts) == state_of(folder_ / "whole"));
  EXPECT_EQ(epochs_of(parts), epochs_of(folder_ / "whole"));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(parts))
    EXPECT_EQ(entry.path().string().find(".part-"), std::string::npos) << entry.path();
}

INSTANTIATE_TEST_SUITE_P(Networks, SameBits,
                         testing::Values(Network{"dense", &kDense}, Network{"conv", &kConv},
                                         Network{"augmented", &kAugmented},
                                         Network{"residual", &kResidual}),
                         [](const auto& info) { return info.param.name; });

// A schedule goes on where it stood; one that depends on the length says its own.
TEST(SameBitsOfSchedules, AcrossAResume) {
  for (const char* schedule : {"{ step = { every = 1.5, factor = 0.5, warm_up = 1 } }",
                               "{ cosine = { epochs = 4, warm_up = 0.5 } }",
                               "{ one_cycle = { epochs = 4 } }", "{ warm_up = { epochs = 3 } }"}) {
    const TemporaryFolder folder;
    Settings settings = with({{"train.schedule", schedule}});
    train(kDense, folder / "whole", settings);
    train(kDense, folder / "plain");
    EXPECT_FALSE(state_of(folder / "whole") == state_of(folder / "plain"))
        << "the schedule has no effect";
    train_in_two(kDense, folder / "parts", settings);
    EXPECT_TRUE(state_of(folder / "parts") == state_of(folder / "whole")) << schedule;
  }
}

TEST(SameBitsOfReference, FourEpochsAreTwoAndTwo) {
  const TemporaryFolder folder;
  Settings settings = with({{"data", "generated:blobs:60:10"}});
  settings.device = "reference";
  train(kDense, folder / "whole", settings);
  train_in_two(kDense, folder / "parts", settings);
  EXPECT_TRUE(state_of(folder / "parts") == state_of(folder / "whole"));
}

}  // namespace
}  // namespace treino::train::test
