// SPDX-License-Identifier: Apache-2.0
// A control group of our own for a launched tree: its counters hold every process that ever was in
// it.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "treino/monitor/descriptor.h"
#include "treino/monitor/proc.h"

namespace treino::monitor {

// Where the groups of this process are mounted (from /proc/self/cgroup and mountinfo).
struct CgroupPlace {
  std::string controller;  // "cpuacct", "memory"; empty for the unified hierarchy (v2)
  std::string folder;      // of our own group
  std::string mount;
};
std::vector<CgroupPlace> cgroup_places(const std::string& root);

class Cgroup {
 public:
  // Makes a group below ours (or beside, where only our parent may hand out controllers) in each
  // hierarchy that has something to tell and lets us. Null when none counts CPU time; `why` says
  // why.
  static std::unique_ptr<Cgroup> make(const std::string& root, std::string& why);
  ~Cgroup();  // removes the folders, which must be empty by then
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;

  // Whether a process that was to move in did so; where memory did not take it in, memory is not
  // counted (it would read 0).
  bool holds(pid_t pid);

  // Files to which a process writes "0" to move in; and folders, for whoever removes them later.
  const std::vector<std::string>& folders() const { return folders_; }
  std::string method() const;         // of CPU: "cgroup v1 cpuacct"
  std::string memory_method() const;  // empty: memory is not counted

  std::optional<double> cpu_s() const;
  std::vector<pid_t> pids() const;  // ascending
  std::optional<std::int64_t> threads() const;

  struct Memory {  // bytes; each page once
    std::int64_t anon = 0, shmem = 0, file_mapped = 0;
  };
  std::optional<Memory> memory() const;
  std::optional<std::int64_t> memory_peak() const;  // page cache included
  bool kill() const;  // every process at once; false: not possible here

 private:
  Cgroup() = default;
  bool adopt(const CgroupPlace& place, const std::string& folder);

  std::vector<std::string> folders_;
  std::string cpu_members_, memory_members_;  // their cgroup.procs
  std::string cpu_name_, memory_name_, members_, members_threads_, kill_, peak_;
  Descriptor cpu_, memory_stat_, procs_, tasks_;
  bool unified_cpu_ = false, unified_memory_ = false;
  mutable ProcReader reader_;
};

// The same for the doctor: what can be had here, without leaving anything behind.
struct CgroupAbility {
  std::string cpu, memory;  // as method(); empty: none
  std::string why;
};
CgroupAbility cgroup_ability(const std::string& root);

}  // namespace treino::monitor
