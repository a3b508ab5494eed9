// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/memory.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "treino/monitor/cgroup.h"
#include "treino/monitor/pace.h"
#include "treino/monitor/pss.h"
#include "treino/monitor/tree.h"

namespace treino::monitor {

namespace {

constexpr Column kColumns[] = {
    {"rss_mib", Kind::gauge, 2, "resident memory, shared pages counted once for EACH process"},
    {"pss_mib", Kind::gauge, 2, "resident memory, shared pages counted once: the tree's true size"},
    {"uss_mib", Kind::gauge, 2, "memory of one process only: what would be free without the tree"},
    {"anon_mib", Kind::gauge, 2, "anonymous and shared memory, each page once; no file pages"},
};

constexpr const char* kEnded = "no process is left to read";
constexpr const char* kSlower = "read at a slower pace";
constexpr const char* kMissed = "every pass missed the peak: anonymous memory alone was more";
constexpr double kSlack = 0.05;  // what a pass may have been early or late by

Reading mib(std::int64_t bytes, const char* note = "") {
  return Reading::of(static_cast<double>(bytes) / (1024 * 1024), note);
}

class MemoryProbe : public Probe {
 public:
  explicit MemoryProbe(const ProbeContext& context) : pss_on_(context.pss) {
    if (pss_on_) pss_.emplace(context.root);
  }

  std::span<const Column> columns() const override { return kColumns; }

  void peek(double t, const Tree& tree) override {
    note_rss(tree);
    note_group(tree);
    if (pss_on_) collect(t, tree);
  }

  void read(const Moment& moment, const Tree& tree, std::span<Reading> out) override {
    if (moment.what == Moment::mark) return;
    if (moment.what == Moment::start && tree.launcher() > 0) {  // not the command yet: a copy of us
      note_group(tree);
      peak_rss_ = peak_anon_ = peak_group_ = Reading{};
      peak_group_anon_ = 0;
      return;
    }
    out[0] = note_rss(tree);
    read_pss(moment, tree, out);
    const Reading anon = note_group(tree);
    if (anon.known() || !pss_on_) {
      out[3] = tree.processes() == 0 ? Reading::absent(kEnded) : anon;
    }
  }

  void summarize(Summary& summary) const override {
    Reading rss = peak_rss_;
    if (largest_peak_ > 0 && (!rss.known() || mib(largest_peak_).value > rss.value)) {
      rss = mib(largest_peak_, "one process's own peak (VmHWM)");
    }
    summary.add("peak_rss_mib", rss, 2);
    const bool missed = missed_the_peak();
    summary.add("peak_pss_mib", missed ? Reading::absent(kMissed) : peak_pss(), 2);
    summary.add("peak_uss_mib", missed ? Reading::absent(kMissed) : peak_uss_, 2);
    summary.add("peak_anon_mib", peak_anon_, 2);
    summary.add("peak_cgroup_mib", peak_group_, 2);
    summary.add("pss_passes", Reading::of(pace_.passes()), 0);
  }

  std::string method() const override { return method_; }
  double own_cpu_s() const override { return pss_ ? pss_->cpu_s() : 0; }

 private:
  // PSS holds all anonymous memory: a pass that found clearly less did not see the peak. (Shared
  // memory is left out: the group counts files in memory that nobody has mapped.)
  bool missed_the_peak() const {
    return peak_pss_.known() && peak_group_anon_ * (1 - kSlack) > peak_pss_.value;
  }

  Reading peak_pss() const {
    if (!peak_pss_.known()) return peak_pss_;
    if (peak_group_anon_ > peak_pss_.value) {
      return Reading::of(peak_group_anon_, "its anonymous memory; every pass found a little less");
    }
    return Reading::of(peak_pss_.value,
                       lasting_note(fmt::format("largest of {} passes", pace_.passes())));
  }

  Reading note_rss(const Tree& tree) {
    if (tree.processes() == 0) return keep_first(peak_rss_, kEnded);
    std::int64_t sum = 0;
    for (const Member& member : tree.members()) {
      if (member.resident < 0) return keep_first(peak_rss_, "statm cannot be read");
      sum += member.resident;
    }
    raise(peak_rss_, mib(sum));
    return mib(sum);
  }

  // What the control group says; absent where it does not count memory.
  Reading note_group(const Tree& tree) {
    const Cgroup* group = tree.cgroup();
    const auto memory = group == nullptr ? std::nullopt : group->memory();
    if (!memory) {
      if (!peak_group_.known()) peak_group_ = Reading::absent("no control group counts its memory");
      if (method_.empty()) method_ = pss_on_ ? "statm, smaps_rollup" : "statm";
      return Reading::absent(pss_on_ ? kSlower : "no control group counts it, PSS is off");
    }
    method_ = group->memory_method() + (pss_on_ ? ", statm, smaps_rollup" : ", statm");
    if (const auto peak = group->memory_peak()) {
      peak_group_ = mib(*peak, "page cache included");
    } else {
      keep_first(peak_group_, "its control group keeps no peak (a kernel before 5.19)");
    }
    const Reading anon = mib(memory->anon + memory->shmem);
    if (tree.processes() > 0) {
      raise(peak_anon_, anon);
      peak_group_anon_ = std::max(peak_group_anon_, mib(memory->anon).value);
    }
    return anon;
  }

  void read_pss(const Moment& moment, const Tree& tree, std::span<Reading> out) {
    if (!pss_on_) {
      out[1] = out[2] = Reading::absent("switched off");
      peak_pss_ = peak_uss_ = out[1];
      return;
    }
    collect(moment.t, tree);
    if (tree.processes() == 0) {
      for (Reading* peak : {&peak_pss_, &peak_uss_, &peak_anon_}) {
        keep_first(*peak, "ended before it was read");
      }
    }
    const char* why = tree.processes() == 0 ? kEnded : kSlower;
    out[1] = newest_ ? newest_->pss : Reading::absent(why);
    out[2] = newest_ ? newest_->uss : Reading::absent(why);
    out[3] = newest_ ? newest_->anon : Reading::absent(why);
    newest_.reset();
  }

  // Takes the pass that has ended, if any, and starts one when it is due.
  void collect(double t, const Tree& tree) {
    if (const auto pass = pss_->take()) {
      pace_.done(t, pass->cpu_s, asked_rss_);
      newest_ = readings(*pass);
      largest_peak_ = std::max(largest_peak_, pass->largest_peak);
      raise(peak_pss_, newest_->pss);
      raise(peak_uss_, newest_->uss);
      if (tree.cgroup() == nullptr || !tree.cgroup()->memory()) raise(peak_anon_, newest_->anon);
    }
    double rss = 0;
    for (const Member& member : tree.members()) rss += static_cast<double>(member.resident);
    if (!pace_.due(t, rss) || tree.processes() == 0 || pss_->busy()) return;
    asked_rss_ = rss;
    std::vector<pid_t> pids;
    for (const Member& member : tree.members()) pids.push_back(member.task);
    pss_->ask(std::move(pids));
  }

  struct Newest {
    Reading pss, uss, anon;
  };
  static Newest readings(const PssPass& pass) {
    const char* why = pass.denied > 0        ? "no permission"
                      : pass.unsupported > 0 ? "this kernel has no smaps_rollup"
                      : pass.processes == 0  ? kEnded
                                             : nullptr;
    if (why != nullptr) return {Reading::absent(why), Reading::absent(why), Reading::absent(why)};
    return {mib(pass.pss), mib(pass.uss), mib(pass.anon)};
  }

  static void raise(Reading& peak, const Reading& now) {
    if (now.known() ? !peak.known() || now.value > peak.value : !peak.known()) peak = now;
  }
  static Reading keep_first(Reading& peak, const char* why) {
    if (!peak.known()) peak = Reading::absent(why);
    return Reading::absent(why);
  }

  const bool pss_on_;
  std::optional<PssReader> pss_;
  Pace pace_;
  double asked_rss_ = 0;          // when the last pass began
  std::optional<Newest> newest_;  // not yet in a row
  Reading peak_rss_, peak_pss_, peak_uss_, peak_anon_, peak_group_;
  std::int64_t largest_peak_ = 0;
  double peak_group_anon_ = 0;  // MiB, shared memory left out; 0: no group counts it
  std::string method_;
};

}  // namespace

std::unique_ptr<Probe> make_memory_probe(const ProbeContext& context) {
  return std::make_unique<MemoryProbe>(context);
}

void memory_capabilities(const std::string& root, std::vector<Capability>& out) {
  const CgroupAbility ability = cgroup_ability(root);
  Capability group{.name = "memory of a command by its own control group",
                   .ok = !ability.memory.empty()};
  group.reason = group.ok ? ability.memory
                          : "no group of ours counts memory" +
                                (ability.why.empty() ? std::string() : ": " + ability.why);
  if (!group.ok) {
    group.remedy =
        "run as: systemd-run --user --scope -p Delegate=yes treino monitor ... (without: peaks of "
        "the tree come from samples)";
  }
  out.push_back(std::move(group));

  ProcReader reader;
  const bool rollup = reader.read(root + "/proc/self/smaps_rollup").has_value();
  out.push_back({.name = "PSS and USS of our own processes",
                 .ok = rollup,
                 .reason = rollup ? "smaps_rollup" : "this kernel has no /proc/PID/smaps_rollup",
                 .remedy = rollup ? "" : "a kernel of 4.14 or newer"});
  const bool foreign = reader.read(root + "/proc/1/smaps_rollup").has_value();
  out.push_back({.name = "PSS, USS and I/O of other users' processes",
                 .ok = foreign,
                 .reason = foreign ? "readable" : "no permission",
                 .remedy = foreign ? "" : "run as that user or as root (needs CAP_SYS_PTRACE)"});
}

}  // namespace treino::monitor
