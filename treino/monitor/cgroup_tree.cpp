// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/cgroup_tree.h"

#include <fmt/format.h>

#include <algorithm>

namespace treino::monitor {

namespace {

// Programs change their names (exec) and parents; who looks at them can wait a second.
constexpr int kRefreshesPerName = 10;

}  // namespace

CgroupTree::CgroupTree(const Cgroup& group, pid_t launcher) : group_(group), launcher_(launcher) {
  base_ = group_.cpu_s().value_or(0);
  refresh(Depth::all);
}

void CgroupTree::refresh(Depth depth) {
  const auto cpu = group_.cpu_s();
  if (!cpu) {
    cpu_ = Reading::absent("the control group's counter cannot be read");
  } else if (!cpu_.known() || *cpu - base_ > cpu_.value) {
    cpu_ = Reading::of(*cpu - base_);
  }
  if (depth == Depth::counters) return;
  meet(group_.pids());
  const bool names = refreshes_++ % kRefreshesPerName == 0;
  processes_ = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Member& member = members_[i];
    if (names) read_identity(member);
    statm_[i].read(reader_, root_, member);
    member.zombie = member.resident == 0;  // nothing mapped: ended, not yet reaped
    if (!member.zombie) ++processes_;
  }
  threads_ = group_.threads().value_or(processes_);
}

bool CgroupTree::read_identity(Member& member) {
  const auto text = reader_.read(fmt::format("/proc/{}/stat", member.pid));
  const auto stat = text ? parse_stat(*text) : std::nullopt;
  if (!stat) return false;
  member.start = stat->start;
  member.parent = stat->parent;
  member.name = stat->name;
  return true;
}

void CgroupTree::meet(const std::vector<pid_t>& pids) {
  // Those that went, or whose kept-open file no longer answers: their number is another's now.
  std::size_t kept = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const bool listed = std::binary_search(pids.begin(), pids.end(), members_[i].pid);
    if (!listed || members_[i].resident < 0) continue;
    if (kept != i) {
      members_[kept] = std::move(members_[i]);
      statm_[kept] = std::move(statm_[i]);
    }
    ++kept;
  }
  members_.resize(kept);
  statm_.resize(kept);
  if (kept == pids.size()) return;
  std::vector<pid_t> known;
  for (const Member& member : members_) known.push_back(member.pid);
  std::sort(known.begin(), known.end());
  for (pid_t pid : pids) {
    if (std::binary_search(known.begin(), known.end(), pid)) continue;
    Member member;
    member.pid = pid;
    if (!read_identity(member)) continue;
    members_.push_back(std::move(member));
    statm_.emplace_back(root_, pid);
  }
}

}  // namespace treino::monitor
