// SPDX-License-Identifier: Apache-2.0
#include "treino/base/thread_team.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <system_error>

#include "treino/base/error.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace treino {

namespace {

// Teams up to this size await each other, larger ones meet at worker 0.
constexpr int kMostPeers = 4;

// A look is a pause, 10 to 50 ns: some 50 us, about what waking a sleeping core costs.
constexpr int kLooks = 4000;

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// CPUs' worth of time a period allows, or 0 for no limit.
double quota_v2(const std::string& folder) {
  std::istringstream line(first_line(folder + "/cpu.max"));
  std::string quota;
  double period = 0;
  if (!(line >> quota >> period) || quota == "max" || period <= 0) return 0;
  return std::stod(quota) / period;
}

double quota_v1(const std::string& folder) {
  std::istringstream quota_text(first_line(folder + "/cpu.cfs_quota_us"));
  std::istringstream period_text(first_line(folder + "/cpu.cfs_period_us"));
  double quota = 0, period = 0;
  if (!(quota_text >> quota) || !(period_text >> period) || quota <= 0 || period <= 0) return 0;
  return quota / period;
}

// The tightest quota of a group and its ancestors under a mount point; 0 for none.
double tightest(const std::string& mount, std::string group, double (*quota)(const std::string&)) {
  double least = 0;
  for (;;) {
    const double here = quota(mount + group);
    if (here > 0 && (least == 0 || here < least)) least = here;
    const std::size_t slash = group.find_last_of('/');
    if (group.empty() || slash == std::string::npos) return least;
    group.resize(slash);
  }
}

double cgroup_quota(const std::string& root) {
  std::ifstream groups(root +
                       "/proc/self/cgroup");  // "0::/group" (v2) or "4:cpu,cpuacct:/group" (v1)
  std::string line;
  double least = 0;
  while (std::getline(groups, line)) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string group = line.substr(second + 1);
    double here = 0;
    if (controllers == ",,") here = tightest(root + "/sys/fs/cgroup", group, quota_v2);
    if (controllers.find(",cpu,") != std::string::npos)
      here = tightest(root + "/sys/fs/cgroup/cpu", group, quota_v1);
    if (here > 0 && (least == 0 || here < least)) least = here;
  }
  return least;
}

void call(void (*job)(void*, int), void* context, int worker) noexcept {
  job(context, worker);
}

}  // namespace

std::vector<int> allowed_cpus() {
  std::vector<int> cpus;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

int usable_threads(const std::string& root) {
  int threads = static_cast<int>(allowed_cpus().size());
  if (threads == 0) threads = static_cast<int>(std::thread::hardware_concurrency());
  const double quota = cgroup_quota(root);
  if (quota > 0) threads = std::min(threads, static_cast<int>(quota));
  return std::max(threads, 1);
}

#if defined(__SSE2__)
FlushDenormals::FlushDenormals() : saved_(_mm_getcsr()) {
  _mm_setcsr(saved_ | 0x8040);
}
FlushDenormals::~FlushDenormals() {
  _mm_setcsr(saved_);
}
#else
FlushDenormals::FlushDenormals() = default;
FlushDenormals::~FlushDenormals() = default;
#endif

ThreadTeam::ThreadTeam(int threads, void (*on_start)())
    : size_(std::max(threads, 1)), seats_(static_cast<std::size_t>(size_)) {
  // Without a core each there is no use in looking.
  looks_ = static_cast<std::size_t>(size_) <= allowed_cpus().size() ? kLooks : 0;
  try {
    workers_.reserve(seats_.size() - 1);
    for (int worker = 1; worker < size_; ++worker)
      workers_.emplace_back([this, worker, on_start] { work(worker, on_start); });
  } catch (const std::system_error&) {
    // The machine gives no more threads: a smaller team. Nobody reads the size before the first
    // run.
    size_ = static_cast<int>(workers_.size()) + 1;
  } catch (...) {
    stop();
    throw;
  }
}

ThreadTeam::~ThreadTeam() {
  stop();
}

void ThreadTeam::stop() {
  stopping_ = true;
  begun_.reach(++runs_);
  for (std::thread& worker : workers_) worker.join();
}

void ThreadTeam::run(void (*job)(void*, int), void* context) {
  const FlushDenormals flush;
  if (size_ == 1) {
    job(context, 0);
    return;
  }
  job_ = job;
  context_ = context;
  begun_.reach(++runs_);
  call(job, context, 0);
  wait_for_all(0);
}

void ThreadTeam::work(int worker, void (*on_start)()) {
  const FlushDenormals flush;
  if (on_start != nullptr) on_start();
  for (std::uint32_t run = 1;; ++run) {
    begun_.await(run, looks_);
    if (stopping_) return;
    call(job_, context_, worker);
    wait_for_all(worker);
  }
}

void ThreadTeam::wait_for_all(int worker) {
  Seat& own = seats_[static_cast<std::size_t>(worker)];
  const std::uint32_t round = ++own.passed;
  own.arrived.reach(round);
  if (size_ <= kMostPeers) {
    for (int other = 0; other < size_; ++other) {
      if (other != worker) seats_[static_cast<std::size_t>(other)].arrived.await(round, looks_);
    }
  } else if (worker == 0) {
    for (int other = 1; other < size_; ++other)
      seats_[static_cast<std::size_t>(other)].arrived.await(round, looks_);
    release_.reach(round);
  } else {
    release_.await(round, looks_);
  }
}

}  // namespace treino
