// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "treino/base/bell.h"

namespace treino {

// CPUs this process may run on, by their numbers; none when there are more than the system call's
// set holds.
std::vector<int> allowed_cpus();

// Threads this process may keep busy: the CPUs of its affinity mask, cut to the CPU quota of its
// control group (v2 cpu.max or v1 cpu.cfs_quota_us, each ancestor counted). At least 1.
// `root` stands before /proc and /sys; tests give a folder of their own.
int usable_threads(const std::string& root = "");

// Sets flush-to-zero and denormals-are-zero on the calling thread while it lives. Without it Adam's
// decaying moments turn denormal and a step takes several times as long. A no-op where the
// processor has no such mode.
class FlushDenormals {
 public:
  FlushDenormals();
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  std::uint32_t saved_ = 0;
};

// A number that only grows (and wraps), written by one thread and awaited by others.
class alignas(128) Milestone {
 public:
  void reach(std::uint32_t number) {
    reached_.store(number, std::memory_order_seq_cst);
    if (bell_.awaited()) bell_.ring();
  }
  // Looks so many times before it sleeps.
  void await(std::uint32_t number, int looks) {
    bell_.await(looks, [&] {
      return static_cast<std::int32_t>(reached_.load(std::memory_order_seq_cst) - number) >= 0;
    });
  }

 private:
  std::atomic<std::uint32_t> reached_{0};
  Bell bell_;
};

// A persistent team: the calling thread is worker 0, the others are started once and sleep between
// runs. Inside a run the workers meet at spin barriers (well under a microsecond); a worker that
// has waited long sleeps, so that a team larger than the free cores loses little.
class ThreadTeam {
 public:
  // Starts threads - 1 workers. `on_start` runs first on each of them.
  explicit ThreadTeam(int threads, void (*on_start)() = nullptr);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const { return size_; }
  // How long a worker that waits does so awake; for Bell.
  int looks() const { return looks_; }

  // Calls job(context, worker) once on every worker and returns when all are done. A job that
  // throws ends the program: the others would wait for it at a barrier for ever. All workers must
  // pass the same number of barriers. One run at a time.
  void run(void (*job)(void* context, int worker), void* context);

  // Waits for every worker of the running job; what they wrote before is visible after.
  void barrier(int worker) {
    if (size_ > 1) wait_for_all(worker);
  }

 private:
  struct Seat {
    Milestone arrived;         // number of barriers this worker came to
    std::uint32_t passed = 0;  // the same, its own copy
  };

  void work(int worker, void (*on_start)());
  void wait_for_all(int worker);
  void stop();

  int size_;
  int looks_;  // of a waiting worker before it sleeps
  std::vector<Seat> seats_;
  Milestone release_;  // large teams: worker 0 awaits the others and releases them

  void (*job_)(void*, int) = nullptr;
  void* context_ = nullptr;
  Milestone begun_;  // runs
  std::uint32_t runs_ = 0;
  bool stopping_ = false;  // written before the last "run" begins
  std::vector<std::thread> workers_;
};

}  // namespace treino
