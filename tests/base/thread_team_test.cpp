// SPDX-License-Identifier: Apache-2.0
#include "treino/base/thread_team.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <stdexcept>

#include "tests/support/neighbours.h"

namespace treino {
namespace {

struct Relay {
  ThreadTeam* team;
  std::vector<std::int64_t> values;
  int rounds;
};

// Each round every worker adds its left neighbour's value of the round before: wrong without
// barriers.
void relay(void* context, int worker) {
  auto& self = *static_cast<Relay*>(context);
  const int size = self.team->size();
  for (int round = 0; round < self.rounds; ++round) {
    const std::int64_t left = self.values[static_cast<std::size_t>((worker + size - 1) % size)];
    self.team->barrier(worker);
    self.values[static_cast<std::size_t>(worker)] += left % 1000 + 1;
    self.team->barrier(worker);
  }
}

std::vector<std::int64_t> expected(int size, int rounds) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(size), 1);
  for (int round = 0; round < rounds; ++round) {
    std::vector<std::int64_t> next = values;
    for (int i = 0; i < size; ++i) {
      next[static_cast<std::size_t>(i)] +=
          values[static_cast<std::size_t>((i + size - 1) % size)] % 1000 + 1;
    }
    values = next;
  }
  return values;
}

TEST(ThreadTeam, BarriersOrderTheWorkersAlsoWithMoreThreadsThanCores) {
  for (int size : {1, 2, 3, 4, 5, 9}) {
    ThreadTeam team(size);
    ASSERT_EQ(team.size(), size);
    Relay state{&team, std::vector<std::int64_t>(static_cast<std::size_t>(size), 1), 50};
    team.run(relay, &state);
    team.run(relay, &state);
    EXPECT_EQ(state.values, expected(size, 100)) << size << " threads";
  }
}

TEST(ThreadTeam, SleepingWorkersWakeForTheNextRun) {
  ThreadTeam team(2);
  Relay state{&team, {1, 1}, 1};
  for (int run = 0; run < 20; ++run) {
    team.run(relay, &state);
    if (run % 5 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_EQ(state.values, expected(2, 20));
}

TEST(ThreadTeam, ManyShortRunsEndBesideBusyNeighbours) {
  const test::Neighbours neighbours(usable_threads() + 1);
  for (int size : {2, 3, 6}) {
    ThreadTeam team(size);
    Relay state{&team, std::vector<std::int64_t>(static_cast<std::size_t>(size), 1), 1};
    for (int run = 0; run < 100; ++run) team.run(relay, &state);
    EXPECT_EQ(state.values, expected(size, 100)) << size << " threads";
  }
}

TEST(ThreadTeam, MayBeDestroyedAnyTime) {
  for (int size : {2, 3, 6}) {
    for (int round = 0; round < 30; ++round) {
      ThreadTeam team(size);
      Relay state{&team, std::vector<std::int64_t>(static_cast<std::size_t>(size), 1), 1};
      for (int run = 0; run < round % 3; ++run) team.run(relay, &state);
      EXPECT_EQ(state.values, expected(size, round % 3));
    }
  }
}

// Each worker in turn is far behind the others, so that they sleep at the barrier.
TEST(ThreadTeam, ThoseWhoSleptAtABarrierWake) {
  for (int size : {2, 3, 6}) {
    ThreadTeam team(size);
    Relay state{&team, std::vector<std::int64_t>(static_cast<std::size_t>(size), 1), 1};
    const auto job = [](void* context, int worker) {
      auto& self = *static_cast<Relay*>(context);
      for (int late = 0; late < self.team->size(); ++late) {
        if (worker == late) std::this_thread::sleep_for(std::chrono::milliseconds(3));
        relay(context, worker);
      }
    };
    team.run(job, &state);
    team.run(job, &state);
    EXPECT_EQ(state.values, expected(size, 2 * size)) << size << " threads";
  }
}

TEST(ThreadTeam, AJobThatThrowsEndsTheProgramInsteadOfWaitingForEver) {
  const auto fail = [] {
    ThreadTeam team(2);
    team.run(
        [](void* context, int worker) {
          if (worker == 0) throw std::runtime_error("the job's trouble");
          static_cast<ThreadTeam*>(context)->barrier(worker);
        },
        &team);
  };
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(fail(), "the job's trouble");
}

TEST(ThreadTeam, IsSmallerWhereTheMachineGivesNoMoreThreads) {
#ifdef TREINO_SANITIZED
  GTEST_SKIP() << "a sanitizer's shadow leaves no address space to limit";
#endif
  const auto work = [] {
    std::ifstream statm("/proc/self/statm");  // first number: pages of address space
    rlim_t pages = 0;
    statm >> pages;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 << 20);
    pthread_setattr_default_np(&attributes);
    const rlim_t most = pages * static_cast<rlim_t>(getpagesize()) + (500 << 20);
    const rlimit limit{most, most};
    setrlimit(RLIMIT_AS, &limit);
    ThreadTeam team(64);
    const int size = team.size();
    Relay state{&team, std::vector<std::int64_t>(static_cast<std::size_t>(size), 1), 10};
    team.run(relay, &state);
    const bool right = size > 1 && size < 64 && state.values == expected(size, 10);
    if (!right) std::fprintf(stderr, "%d threads\n", size);
    std::exit(right ? 0 : 1);
  };
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(work(), testing::ExitedWithCode(0), "");
}

TEST(Milestone, CountsOnWhereItsNumberWraps) {
  Milestone milestone;
  milestone.reach(0x7fffffffU);
  milestone.reach(0xfffffffeU);
  milestone.await(0xfffffffdU, 0);
  std::atomic<bool> passed{false};
  std::thread waiting([&] {
    milestone.await(2, 0);
    passed = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  milestone.reach(0xffffffffU);
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  EXPECT_FALSE(passed);
  milestone.reach(2);
  waiting.join();
  EXPECT_TRUE(passed);
}

struct Denormals {
  std::vector<float> results;
};

TEST(ThreadTeam, WorkersFlushDenormalsAndTheCallerGetsItsModeBack) {
  ThreadTeam team(2);
  Denormals state{{1, 1}};
  const auto halve = [](void* context, int worker) {
    volatile float least = std::numeric_limits<float>::min();
    static_cast<Denormals*>(context)->results[static_cast<std::size_t>(worker)] = least * 0.5F;
  };
  team.run(halve, &state);
#if defined(__SSE2__)
  EXPECT_EQ(state.results, (std::vector<float>{0, 0}));
#endif
  volatile float least = std::numeric_limits<float>::min();
  EXPECT_GT(least * 0.5F, 0);
}

class UsableThreads : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "/usable_threads_" +
            testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(root_);
    cpu_set_t set;
    sched_getaffinity(0, sizeof set, &set);
    cpus_ = CPU_COUNT(&set);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text << "\n";
  }
  std::string root_;
  int cpus_ = 0;
};

TEST_F(UsableThreads, IsTheAffinityMaskWithoutAQuota) {
  EXPECT_EQ(usable_threads(root_), cpus_);
  put("/proc/self/cgroup", "0::/user/job");
  put("/sys/fs/cgroup/user/job/cpu.max", "max 100000");
  EXPECT_EQ(usable_threads(root_), cpus_);
}

TEST_F(UsableThreads, CountsTheTightestQuotaOfVersionTwo) {
  put("/proc/self/cgroup", "0::/user/job");
  put("/sys/fs/cgroup/user/cpu.max", "100000 100000");
  put("/sys/fs/cgroup/user/job/cpu.max", "6400000 100000");
  EXPECT_EQ(usable_threads(root_), 1);
}

TEST_F(UsableThreads, CountsTheQuotaOfVersionOneAndNeverLessThanOne) {
  put("/proc/self/cgroup", "4:cpu,cpuacct:/job");
  put("/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "50000");
  put("/sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000");
  EXPECT_EQ(usable_threads(root_), 1);
  put("/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "-1");
  EXPECT_EQ(usable_threads(root_), cpus_);
}

}  // namespace
}  // namespace treino
