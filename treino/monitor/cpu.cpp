// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/cpu.h"

#include "treino/base/thread_team.h"
#include "treino/monitor/cgroup.h"
#include "treino/monitor/tree.h"

namespace treino::monitor {

namespace {

constexpr Column kColumns[] = {
    {"cpu_cores", Kind::rate, 4, "cores kept busy over dt; 1 = one core all the time"},
    {"cpu_pct", Kind::rate, 2, "that, in percent of the cores we may use (affinity, quota)"},
    {"cpu_s", Kind::counter, 6, "CPU seconds since the start, ended processes included"},
};

class CpuProbe : public Probe {
 public:
  explicit CpuProbe(const ProbeContext& context) : available_(usable_threads(context.root)) {}

  std::span<const Column> columns() const override { return kColumns; }

  void read(const Moment& moment, const Tree& tree, std::span<Reading> out) override {
    const Reading total = tree.cpu_s();
    method_ = tree.method();
    out[2] = total;
    if (moment.what == Moment::mark) return;
    if (moment.what == Moment::start) {
      before_ = total;
      return;
    }
    if (!total.known() || !before_.known()) {
      out[0] = out[1] = Reading::absent(total.known() ? before_.note : total.note);
    } else if (moment.dt <= 0) {
      out[0] = out[1] = Reading::absent("no time has passed");
    } else {
      const double cores = (total.value - before_.value) / moment.dt;
      out[0] = Reading::of(cores);
      out[1] = Reading::of(100 * cores / available_);
    }
    before_ = last_ = total;
    t_ = moment.t;
  }

  void summarize(Summary& summary) const override {
    summary.add("cpu_s", last_, 6);
    const bool known = last_.known() && t_ > 0;
    const double mean = known ? last_.value / t_ : 0;
    const Reading none = Reading::absent(last_.known() ? "no time has passed" : last_.note);
    summary.add("cpu_cores_mean", known ? Reading::of(mean) : none, 4);
    summary.add("cpu_pct_mean", known ? Reading::of(100 * mean / available_) : none, 2);
    summary.add("cpu_cores_available", Reading::of(available_), 0);
  }

  std::string method() const override { return method_; }

 private:
  const int available_;
  Reading before_, last_;
  double t_ = 0;
  std::string method_;
};

}  // namespace

std::unique_ptr<Probe> make_cpu_probe(const ProbeContext& context) {
  return std::make_unique<CpuProbe>(context);
}

void cpu_capabilities(const std::string& root, std::vector<Capability>& out) {
  const CgroupAbility ability = cgroup_ability(root);
  Capability group{.name = "CPU of a command by its own control group", .ok = !ability.cpu.empty()};
  group.reason = group.ok ? ability.cpu : ability.why;
  if (!group.ok) {
    group.remedy =
        "run as: systemd-run --user --scope treino monitor ... (without: the /proc ledger, as true "
        "but dearer)";
  }
  out.push_back(std::move(group));
}

}  // namespace treino::monitor
