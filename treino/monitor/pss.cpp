// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/pss.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "treino/monitor/quiet_thread.h"
#include "treino/monitor/thread_cpu.h"

namespace treino::monitor {

PssPass read_pss(ProcReader& reader, const std::string& root, const std::vector<pid_t>& pids) {
  const double begin = thread_cpu_s();
  PssPass pass;
  for (pid_t pid : pids) {
    const auto text = reader.read(fmt::format("{}/proc/{}/smaps_rollup", root, pid));
    if (!text) {
      if (reader.error() == EACCES || reader.error() == EPERM) ++pass.denied;
      // The process is there but not the file: a kernel before 4.14.
      if (reader.error() == ENOENT && reader.read(fmt::format("{}/proc/{}/statm", root, pid))) {
        ++pass.unsupported;
      }
      continue;
    }
    const auto kib = [&](std::string_view key) {
      return number_after(*text, key).value_or(0) * 1024;
    };
    const auto pss = number_after(*text, "Pss:");
    if (!pss) continue;  // a process without memory: a zombie, a kernel thread
    ++pass.processes;
    pass.pss += *pss * 1024;
    pass.rss += kib("Rss:");
    pass.uss += kib("Private_Clean:") + kib("Private_Dirty:") + kib("Private_Hugetlb:");
    pass.anon += kib("Pss_Anon:") + kib("Pss_Shmem:");
    if (const auto status = reader.read(fmt::format("{}/proc/{}/status", root, pid))) {
      pass.largest_peak =
          std::max(pass.largest_peak, number_after(*status, "VmHWM:").value_or(0) * 1024);
    }
  }
  pass.cpu_s = thread_cpu_s() - begin;
  return pass;
}

PssReader::PssReader(std::string root) : root_(std::move(root)) {
  thread_ = quiet_thread([this] { work(); });
}

PssReader::~PssReader() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

bool PssReader::busy() const {
  const std::lock_guard lock(mutex_);
  return asked_ || running_;
}

void PssReader::ask(std::vector<pid_t> pids) {
  {
    const std::lock_guard lock(mutex_);
    pids_ = std::move(pids);
    asked_ = true;
  }
  changed_.notify_one();
}

std::optional<PssPass> PssReader::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(result_, std::nullopt);
}

void PssReader::work() {
  ProcReader reader;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return asked_ || stop_; });
    if (stop_) return;
    const std::vector<pid_t> pids = std::move(pids_);
    asked_ = false;
    running_ = true;
    lock.unlock();
    PssPass pass = read_pss(reader, root_, pids);
    lock.lock();
    running_ = false;
    cpu_s_ = thread_cpu_s();
    result_ = pass;
  }
}

}  // namespace treino::monitor
