// SPDX-License-Identifier: Apache-2.0
// A tree known from /proc alone: a process, its descendants, and a ledger of those that ended.
//
// The ledger. A process that ends gives its CPU time to the parent that waits for it (cutime,
// cstime), so the tree's total is the sum over living members of own + children's time. What a
// parent's counter does not show (it ignores SIGCHLD; it ended too; it is not ours) must not vanish
// from the total, and must not be counted twice where it does show. So each parent keeps what its
// vanished children last had (`owed`), and stands for max(its counter, counter at first sight +
// owed): both are lower bounds of the truth, and neither contains anything twice.
#pragma once

#include <unordered_map>
#include <vector>

#include "treino/monitor/proc.h"
#include "treino/monitor/statm_file.h"
#include "treino/monitor/tree.h"

namespace treino::monitor {

class ProcessTree : public Tree {
 public:
  // `top` is watched itself, or only its descendants are (our own launcher). `root` stands before
  // /proc. Throws Error::mistake when there is no such process.
  enum class Top { member, launcher };
  ProcessTree(std::string root, pid_t top, Top kind);
  ~ProcessTree() override;

  void refresh(Depth depth) override;
  std::span<const Member> members() const override { return members_; }
  std::int64_t processes() const override { return processes_; }
  std::int64_t threads() const override { return threads_; }
  Reading cpu_s() const override;
  pid_t launcher() const override { return kind_ == Top::launcher ? top_ : 0; }
  const std::string& root() const override { return root_; }
  std::string method() const override;

  // A count of all reaped descendants from the kernel (the launcher's rusage), better than its
  // counter in ticks. Shows at the next refresh.
  void set_reaped(double cpu_s);

 private:
  // What stands beside members_[i]: how it is read and its account.
  struct Account {
    Descriptor stat;
    StatmFile statm;
    double own = 0;
    double children = 0, children_first = 0, owed = 0;
    std::int64_t threads = 0;
    bool gone = false;
    double reaped() const;  // see the ledger
    double total() const { return own + reaped(); }
  };
  struct Candidate {
    pid_t pid = 0, parent = 0;
  };

  std::vector<Candidate> look_for_new();
  void add(pid_t pid);
  bool update(std::size_t index, bool whole, Depth depth);
  void take(const Stat& stat, std::size_t index);
  void retire_gone();
  std::string path(pid_t pid, const char* file) const;

  std::string root_;
  pid_t top_ = 0;
  Top kind_ = Top::member;
  bool clocks_ = false;  // process_clock() knows these pids
  std::vector<Member> members_;
  std::vector<Account> accounts_;
  Account outside_;  // parent of what has no parent here: the launcher, or nobody
  std::unordered_map<pid_t, std::size_t> index_;
  pid_t last_pid_ = -1;  // the newest pid of the machine when last looked
  int since_full_scan_ = 0, since_whole_update_ = 0;
  double base_ = 0, total_ = 0;  // CPU before the watch; CPU since
  std::int64_t processes_ = 0, threads_ = 0;
  ProcReader reader_;
};

}  // namespace treino::monitor
