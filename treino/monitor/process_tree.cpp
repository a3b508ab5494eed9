// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/process_tree.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "treino/base/error.h"

namespace treino::monitor {

namespace {

// Looks at every process of the machine so often, in case a new one was not seen by its number.
constexpr int kTicksPerFullScan = 100;
// A process whose tree did not grow is asked by its clock alone; its stat is read at least so
// often.
constexpr int kTicksPerWholeUpdate = 10;
constexpr pid_t kMostNewPids =
    2000;  // beyond, reading the folder is cheaper than trying each number

double own_ticks(const Stat& stat) {
  return static_cast<double>(stat.user + stat.system) * seconds_per_tick();
}

double child_ticks(const Stat& stat) {
  return static_cast<double>(stat.child_user + stat.child_system) * seconds_per_tick();
}

// The newest process number of this namespace (last word of loadavg), or -1.
pid_t newest_pid(ProcReader& reader, const std::string& root) {
  const auto text = reader.read(root + "/proc/loadavg");
  if (!text) return -1;
  const std::size_t space = text->rfind(' ');
  if (space == text->npos) return -1;
  pid_t pid = -1;
  std::from_chars(text->data() + space + 1, text->data() + text->size(), pid);
  return pid;
}

bool same_namespace() {
  char link[32] = {};
  const ssize_t size = ::readlink("/proc/self", link, sizeof link - 1);
  return size > 0 &&
         std::string_view(link, static_cast<std::size_t>(size)) == std::to_string(::getpid());
}

}  // namespace

double ProcessTree::Account::reaped() const {
  return std::max(children, children_first + owed);
}

std::string ProcessTree::path(pid_t pid, const char* file) const {
  return fmt::format("{}/proc/{}/{}", root_, pid, file);
}

ProcessTree::ProcessTree(std::string root, pid_t top, Top kind)
    : root_(std::move(root)), top_(top), kind_(kind) {
  clocks_ = root_.empty() && same_namespace();
  outside_.stat = open_read(path(top, "stat"));
  if (!outside_.stat) throw Error::mistake(fmt::format("there is no process {}", top));
  if (kind_ == Top::member) {
    outside_.stat.reset();
    add(top);
    if (members_.empty()) throw Error::mistake(fmt::format("there is no process {}", top));
  }
  refresh(Depth::all);
  for (std::size_t i = 0; i < accounts_.size(); ++i) base_ += accounts_[i].total();
  base_ += outside_.reaped();
  total_ = 0;
}

ProcessTree::~ProcessTree() = default;

std::string ProcessTree::method() const {
  return clocks_ ? "/proc ledger (process clocks, children's times)" : "/proc ledger (clock ticks)";
}

Reading ProcessTree::cpu_s() const {
  return Reading::of(total_);
}

void ProcessTree::set_reaped(double cpu_s) {
  outside_.children = std::max(outside_.children, cpu_s);
}

void ProcessTree::take(const Stat& stat, std::size_t index) {
  Member& member = members_[index];
  Account& account = accounts_[index];
  member.parent = stat.parent;
  if (member.name != stat.name) member.name = stat.name;
  // The state is the main thread's, which may have ended before the others.
  member.zombie = (stat.state == 'Z' || stat.state == 'X') && stat.threads <= 1;
  account.threads = stat.threads;
  account.children = std::max(account.children, child_ticks(stat));
  if (!clocks_) account.own = std::max(account.own, own_ticks(stat));
}

void ProcessTree::add(pid_t pid) {
  Descriptor file = open_read(path(pid, "stat"));
  if (!file) return;
  const auto text = reader_.read(file.get());
  const auto stat = text ? parse_stat(*text) : std::nullopt;
  if (!stat || stat->exit_signal == -1) return;
  Member member;
  member.pid = pid;
  member.start = stat->start;
  member.name = stat->name;
  Account account;
  if (root_.empty()) account.stat = std::move(file);  // as in StatmFile
  account.statm = StatmFile(root_, pid);
  index_[pid] = members_.size();
  members_.push_back(std::move(member));
  accounts_.push_back(std::move(account));
  take(*stat, members_.size() - 1);
  Account& added = accounts_.back();
  // What it reaped before it was seen is the tree's own, unless the watch begins only now.
  added.children_first = added.children;
  if (clocks_) added.own = process_clock(pid).value_or(own_ticks(*stat));
  added.statm.read(reader_, root_, members_.back());
}

bool ProcessTree::update(std::size_t index, bool whole, Depth depth) {
  Member& member = members_[index];
  Account& account = accounts_[index];
  const auto read_stat = [&] {
    // A kept-open file answers for its own process only; an opened one may be another's with its
    // pid.
    const auto text =
        account.stat ? reader_.read(account.stat.get()) : reader_.read(path(member.pid, "stat"));
    const auto stat = text ? parse_stat(*text) : std::nullopt;
    if (!stat || stat->start != member.start) return false;
    take(*stat, index);
    return true;
  };
  if (whole && !read_stat()) return false;
  if (clocks_) {
    const auto own = process_clock(member.pid);
    if (own) account.own = std::max(account.own, *own);
    if (!own && (whole || !read_stat())) return false;
  }
  if (depth == Depth::all) account.statm.read(reader_, root_, member);
  return true;
}

std::vector<ProcessTree::Candidate> ProcessTree::look_for_new() {
  const pid_t newest = newest_pid(reader_, root_);
  std::vector<pid_t> pids;
  const bool known = newest > 0 && last_pid_ > 0 && clocks_;
  if (known && newest == last_pid_ && since_full_scan_ < kTicksPerFullScan) {
    ++since_full_scan_;
    return {};
  }
  if (known && newest > last_pid_ && newest - last_pid_ <= kMostNewPids &&
      since_full_scan_ < kTicksPerFullScan) {
    for (pid_t pid = last_pid_ + 1; pid <= newest; ++pid) pids.push_back(pid);
    ++since_full_scan_;
  } else {
    pids = list_pids(root_);  // first look, numbers that wrapped round, or the look now and then
    since_full_scan_ = 0;
  }
  last_pid_ = newest;
  std::vector<Candidate> candidates;
  for (pid_t pid : pids) {
    if (pid == top_ && kind_ == Top::launcher) continue;
    const auto text = reader_.read(path(pid, "stat"));
    const auto stat = text ? parse_stat(*text) : std::nullopt;
    if (stat && stat->exit_signal == -1) continue;  // a thread
    const auto known_as = index_.find(pid);
    if (known_as != index_.end() && stat && stat->start == members_[known_as->second].start)
      continue;
    candidates.push_back({pid, stat ? stat->parent : 0});  // 0: came and went
  }
  return candidates;
}

void ProcessTree::refresh(Depth depth) {
  std::vector<Candidate> candidates = look_for_new();
  // Times of reaped children can only have moved where a process came, or one that was known went.
  bool whole = ++since_whole_update_ >= kTicksPerWholeUpdate || !clocks_;
  for (const Candidate& candidate : candidates) {
    whole = whole || candidate.parent == 0 || candidate.parent == top_ ||
            index_.contains(candidate.parent) || index_.contains(candidate.pid);  // a number reused
  }
  // A parent is read before its children: one that ends in between is then missed for a tick rather
  // than counted in both.
  for (int pass = 0; pass < 2; ++pass) {
    bool gone = false;
    if (kind_ == Top::launcher && whole) {
      const auto text =
          root_.empty() ? reader_.read(outside_.stat.get()) : reader_.read(path(top_, "stat"));
      if (const auto stat = text ? parse_stat(*text) : std::nullopt) {
        outside_.children = std::max(outside_.children, child_ticks(*stat));
      }
    }
    for (std::size_t i = 0; i < members_.size(); ++i) {
      accounts_[i].gone = !update(i, whole, depth);
      gone = gone || accounts_[i].gone;
    }
    if (whole || !gone) break;
    whole = true;  // one ended: where did its time go?
  }
  if (whole) since_whole_update_ = 0;
  retire_gone();
  // Children of new processes come later in the list, or in a further round.
  for (bool more = true; more;) {
    more = false;
    for (Candidate& candidate : candidates) {
      if (candidate.parent == 0) continue;
      const bool ours =
          index_.contains(candidate.parent) || (kind_ == Top::launcher && candidate.parent == top_);
      if (!ours) continue;
      add(candidate.pid);
      candidate.parent = 0;
      more = true;
    }
  }
  double sum = outside_.reaped();
  processes_ = threads_ = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    sum += accounts_[i].total();
    if (members_[i].zombie) continue;
    ++processes_;
    threads_ += accounts_[i].threads;
  }
  total_ = std::max(total_, sum - base_);
}

void ProcessTree::retire_gone() {
  // Children first: what they leave belongs to the parent that may have ended with them.
  bool any = false;
  for (std::size_t i = members_.size(); i-- > 0;) {
    if (!accounts_[i].gone) continue;
    any = true;
    const auto parent = index_.find(members_[i].parent);
    Account& heir = parent == index_.end() ? outside_ : accounts_[parent->second];
    heir.owed += accounts_[i].total();
  }
  if (!any) return;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (accounts_[i].gone) continue;
    if (kept != i) {
      members_[kept] = std::move(members_[i]);
      accounts_[kept] = std::move(accounts_[i]);
    }
    ++kept;
  }
  members_.resize(kept);
  accounts_.resize(kept);
  index_.clear();
  for (std::size_t i = 0; i < kept; ++i) index_[members_[i].pid] = i;
}

}  // namespace treino::monitor
