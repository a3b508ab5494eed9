// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unordered_map>
#include <vector>

#include "treino/monitor/cgroup.h"
#include "treino/monitor/statm_file.h"
#include "treino/monitor/tree.h"

namespace treino::monitor {

// A tree known by its control group: the kernel keeps the list and the CPU counter.
class CgroupTree : public Tree {
 public:
  CgroupTree(const Cgroup& group, pid_t launcher);

  void refresh(Depth depth) override;
  std::span<const Member> members() const override { return members_; }
  std::int64_t processes() const override { return processes_; }
  std::int64_t threads() const override { return threads_; }
  Reading cpu_s() const override { return cpu_; }
  const Cgroup* cgroup() const override { return &group_; }
  pid_t launcher() const override { return launcher_; }
  const std::string& root() const override { return root_; }
  std::string method() const override { return group_.method(); }

 private:
  void meet(const std::vector<pid_t>& pids);
  bool read_identity(Member& member);

  const Cgroup& group_;
  const pid_t launcher_;
  const std::string root_;  // groups are real: no other root
  std::vector<Member> members_;
  std::vector<StatmFile> statm_;
  std::int64_t processes_ = 0, threads_ = 0;
  int refreshes_ = 0;
  double base_ = 0;
  Reading cpu_;
  ProcReader reader_;
};

}  // namespace treino::monitor
