// SPDX-License-Identifier: Apache-2.0
// Shared memory told apart: PSS and USS from smaps_rollup. A pass over 50 processes of 30 MiB takes
// 28 ms and holds each target's mmap lock, so it runs on a thread of its own at its own pace.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "treino/monitor/proc.h"

namespace treino::monitor {

struct PssPass {
  std::int64_t pss = 0, uss = 0,
               anon = 0;          // bytes; anon = anonymous and shared memory, each page once
  std::int64_t rss = 0;           // of the same instant, for the ratio
  std::int64_t largest_peak = 0;  // VmHWM: the most one process ever had resident
  int processes = 0;              // that were read
  int denied = 0, unsupported = 0;
  double cpu_s = 0;  // what the pass cost
};

// One pass, in the caller's thread.
PssPass read_pss(ProcReader& reader, const std::string& root, const std::vector<pid_t>& pids);

class PssReader {
 public:
  explicit PssReader(std::string root);
  ~PssReader();
  PssReader(const PssReader&) = delete;
  PssReader& operator=(const PssReader&) = delete;

  bool busy() const;
  void ask(std::vector<pid_t> pids);  // when not busy
  std::optional<PssPass> take();      // once each
  double cpu_s() const { return cpu_s_; }

 private:
  void work();

  const std::string root_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<pid_t> pids_;
  bool asked_ = false, running_ = false, stop_ = false;
  std::optional<PssPass> result_;
  std::atomic<double> cpu_s_ = 0;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace treino::monitor
