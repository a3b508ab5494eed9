// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/gpu_reader.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "treino/base/clock.h"
#include "treino/monitor/thread_cpu.h"

namespace treino::monitor {

GpuReader::GpuReader(std::unique_ptr<GpuSource> source, double interval)
    : source_(std::move(source)),
      interval_(std::clamp(interval, 0.1, 1.0)),
      thread_([this] { work(); }) {}

GpuReader::~GpuReader() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void GpuReader::watch(std::vector<pid_t> pids) {
  const std::lock_guard lock(mutex_);
  pids_ = std::move(pids);
}

std::optional<GpuPass> GpuReader::pass_now(double patience) {
  std::unique_lock lock(mutex_);
  asked_ = true;
  changed_.notify_all();
  // A pass that is going on already began before: wait for the one after it.
  const bool came =
      changed_.wait_for(lock, std::chrono::duration<double>(patience), [this] { return !asked_; });
  if (!came) return std::nullopt;
  return pass_;
}

std::optional<GpuReader::Result> GpuReader::newest() const {
  const std::lock_guard lock(mutex_);
  if (!pass_) return std::nullopt;
  return Result{*pass_, done_};
}

double GpuReader::cpu_s() const {
  const std::lock_guard lock(mutex_);
  return cpu_s_;
}

double GpuReader::slowest_call_s() const {
  const std::lock_guard lock(mutex_);
  return slowest_s_;
}

void GpuReader::work() {
  double wait = interval_;
  std::vector<pid_t> pids;
  std::unique_lock lock(mutex_);
  while (!stop_) {
    changed_.wait_for(lock, std::chrono::duration<double>(wait),
                      [this] { return stop_ || asked_; });
    if (stop_) break;
    const bool asked = asked_;
    pids = pids_;
    lock.unlock();
    const double began = monotonic_seconds();
    GpuPass pass = source_->pass(began, pids);
    const double took = monotonic_seconds() - began;
    const double cpu = thread_cpu_s();
    lock.lock();
    wait = pass.news ? interval_ : std::min(wait * 2, 1.0);
    pass_ = std::move(pass);
    ++done_;
    if (asked) asked_ = false;
    cpu_s_ = cpu;
    slowest_s_ = std::max(slowest_s_, took);
    changed_.notify_all();
  }
}

}  // namespace treino::monitor
