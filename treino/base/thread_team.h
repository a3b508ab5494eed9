// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace treino {

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

// A persistent team: the calling thread is worker 0, the others are started once and sleep between
// runs. Inside a run the workers meet at spin barriers (well under a microsecond); a worker that
// has waited long yields its core, so a team larger than the free cores is slow but ends.
class ThreadTeam {
 public:
  // Starts threads - 1 workers. `on_start` runs first on each of them.
  explicit ThreadTeam(int threads, void (*on_start)() = nullptr);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const { return size_; }

  // Calls job(context, worker) once on every worker and returns when all are done. The job must not
  // throw, and all workers must pass the same number of barriers. One run at a time.
  void run(void (*job)(void* context, int worker), void* context);

  // Waits for every worker of the running job; what they wrote before is visible after.
  void barrier(int worker) {
    if (size_ > 1) wait_for_all(worker);
  }

 private:
  struct alignas(128) Flag {
    std::atomic<std::uint64_t> arrived{0};
    std::uint64_t passed = 0;  // this worker's own count of barriers
  };

  void work(int worker, void (*on_start)());
  void wait_for_all(int worker);
  void wait_until(const std::atomic<std::uint64_t>& value, std::uint64_t least) const;

  int size_;
  int spins_;  // pauses before a waiting worker starts to yield
  std::vector<Flag> flags_;
  Flag release_;  // large teams: worker 0 collects the flags and releases the others

  void (*job_)(void*, int) = nullptr;
  void* context_ = nullptr;
  std::atomic<std::uint64_t> run_{0};  // number of runs begun
  std::atomic<bool> stop_{false};
  int sleepers_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
};

}  // namespace treino
