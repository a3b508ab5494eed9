// SPDX-License-Identifier: Apache-2.0
// Passes over a GPU source on a thread of its own, at the pace at which the driver has something
// new: a call into a driver may take milliseconds, and one that is asked too often disturbs.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "treino/monitor/gpu_source.h"

namespace treino::monitor {

class GpuReader {
 public:
  // `interval`: seconds between passes while there is news; twice that after every pass without
  // any, up to a second.
  GpuReader(std::unique_ptr<GpuSource> source, double interval);
  ~GpuReader();
  GpuReader(const GpuReader&) = delete;
  GpuReader& operator=(const GpuReader&) = delete;

  void watch(std::vector<pid_t> pids);  // from the next pass on
  // A pass made now, waited for; nothing when the driver takes longer than `patience` seconds.
  std::optional<GpuPass> pass_now(double patience);

  struct Result {
    GpuPass pass;
    std::int64_t number = 0;  // of passes so far
  };
  std::optional<Result> newest() const;

  double cpu_s() const;
  double slowest_call_s() const;  // the longest pass
  std::string method() const { return source_->method(); }

 private:
  void work();

  std::unique_ptr<GpuSource> source_;
  const double interval_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<pid_t> pids_;
  std::optional<GpuPass> pass_;
  std::int64_t done_ = 0;
  bool asked_ = false;
  double cpu_s_ = 0, slowest_s_ = 0;
  bool stop_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace treino::monitor
