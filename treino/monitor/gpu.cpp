// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/gpu.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "treino/base/clock.h"
#include "treino/monitor/gpu_reader.h"
#include "treino/monitor/tree.h"

namespace treino::monitor {

namespace {

constexpr Column kColumns[] = {
    {"gpu_util_pct", Kind::rate, 1,
     "share of time in which a kernel of the tree ran; 100 is one GPU"},
    {"gpu_mem_mib", Kind::gauge, 1, "GPU memory held by the tree's processes"},
    {"gpu_mem_pct", Kind::gauge, 2, "... of the memory of the GPUs it uses"},
    {"gpu_status", Kind::status, 0, "how the readings of the tree were come by, or why not"},
    {"gpu_power_w", Kind::gauge, 1,
     "power of the GPUs the tree uses, other processes' share included"},
    {"gpu_s", Kind::counter, 3, "seconds in which a kernel of the tree ran, since the start"},
    {"gpu_energy_j", Kind::counter, 1, "energy of the GPUs while the tree used them"},
    {"gpu_device_util_pct", Kind::rate, 1, "as gpu_util_pct, of all processes on these GPUs"},
    {"gpu_sm_mhz", Kind::gauge, 0, "highest clock of their multiprocessors"},
    {"gpu_sm_pct", Kind::rate, 1,
     "share of their multiprocessors that were busy (Hopper and later)"},
    {"gpu_occupancy_pct", Kind::rate, 1,
     "share of their warps that were active (Hopper and later)"},
    {"gpu_dram_pct", Kind::rate, 1, "share of their memory's bandwidth in use (Hopper and later)"},
    {"gpu_throttle", Kind::status, 0, "what slows them down"},
};
enum Place {
  kUtil,
  kMem,
  kMemPct,
  kStatus,
  kPower,
  kSeconds,
  kEnergy,
  kDevice,
  kClock,
  kSm,
  kOccupancy,
  kDram,
  kThrottle,
  kCount
};
static_assert(std::size(kColumns) == kCount);

// Takes both when both are known: idle on one kind of GPU and busy on another.
Reading sum(const Reading& a, const Reading& b) {
  if (!a.known() || !b.known()) return a.known() ? b : a;
  return Reading::of(a.value + b.value, *a.note != '\0' ? a.note : b.note);
}

class GpuProbe : public Probe {
 public:
  GpuProbe(std::vector<std::unique_ptr<GpuSource>> sources, std::string why_none, bool threads,
           double interval)
      : why_none_(lasting_note("unsupported: " + why_none)) {
    for (std::unique_ptr<GpuSource>& source : sources) {
      if (threads)
        readers_.push_back(std::make_unique<GpuReader>(std::move(source), interval));
      else
        sources_.push_back(std::move(source));
    }
  }

  std::span<const Column> columns() const override { return kColumns; }

  void peek(double, const Tree& tree) override {
    for (auto& reader : readers_) reader->watch(pids(tree));
  }

  void read(const Moment& moment, const Tree& tree, std::span<Reading> out) override {
    if (readers_.empty() && sources_.empty()) {
      for (Reading& reading : out) reading = Reading::absent(why_none_);
      out[kStatus].note = out[kThrottle].note = "unsupported";
      return;
    }
    const bool fresh = update(moment, tree);
    if (!pass_) {
      for (Reading& reading : out) reading = Reading::absent("the driver has not answered yet");
      return;
    }
    const GpuPass& pass = *pass_;
    out[kSeconds] = pass.gpu_s;
    out[kEnergy] = pass.energy_j;
    if (moment.what == Moment::mark) return;
    const auto once = [&](const Reading& reading) {
      return fresh || !reading.known() ? reading : Reading::absent("read at the driver's pace");
    };
    out[kUtil] = once(pass.util_pct);
    out[kMem] = once(pass.mem_mib);
    out[kMemPct] = once(pass.mem_pct);
    out[kStatus].note = pass.state == GpuState::ok ? "" : to_text(pass.state);
    out[kPower] = once(pass.power_w);
    out[kDevice] = once(pass.device_util_pct);
    out[kClock] = once(pass.sm_mhz);
    out[kSm] = once(pass.sm_pct);
    out[kOccupancy] = once(pass.occupancy_pct);
    out[kDram] = once(pass.dram_pct);
    out[kThrottle].note = pass.throttle;
  }

  void summarize(Summary& summary) const override {
    if (readers_.empty() && sources_.empty()) {
      summary.add("gpu.status", Reading::absent(why_none_));
      return;
    }
    const auto absent = Reading::absent("the driver never answered");
    const GpuPass& last = pass_ ? *pass_ : empty_;
    const double wall = last_t_;
    const auto mean = [&](const Reading& total, double scale) {
      if (!total.known()) return total;
      return wall > 0 ? Reading::of(scale * total.value / wall, total.note)
                      : Reading::absent("no time has passed");
    };
    summary.add("gpu.util_pct_mean", pass_ ? mean(last.gpu_s, 100) : absent, 2);
    summary.add("gpu.s", pass_ ? last.gpu_s : absent, 3);
    Reading peak = peak_mem_;
    if (peak.known() && preallocated_) {
      peak.note = "preallocated: most of the GPU's memory within two seconds, so it shows no need";
    }
    summary.add("gpu.peak_mem_mib", pass_ ? peak : absent, 1);
    summary.add("gpu.mem_total_mib",
                total_mib_ > 0 ? Reading::of(total_mib_) : Reading::absent("no GPU was used"), 1);
    summary.add("gpu.energy_j", pass_ ? last.energy_j : absent, 1);
    summary.add("gpu.power_w_mean",
                powers_ > 0            ? Reading::of(power_sum_ / powers_)
                : last.power_w.known() ? absent
                                       : last.power_w,
                1);
    summary.add("gpu.slowed_pct",
                passes_used_ > 0 ? Reading::of(100.0 * slowed_ / passes_used_)
                                 : Reading::absent("no GPU was used"),
                1);
    // The worst that was met: totals are as good as that. Its number has no meaning.
    summary.add("gpu.status", Reading::absent(status_text()));
  }

  std::string method() const override {
    std::string text;
    for (const auto& reader : readers_) text += (text.empty() ? "" : "; ") + reader->method();
    for (const auto& source : sources_) text += (text.empty() ? "" : "; ") + source->method();
    return text;
  }

  double own_cpu_s() const override {
    double total = 0;
    for (const auto& reader : readers_) total += reader->cpu_s();
    return total;
  }

 private:
  static std::vector<pid_t> pids(const Tree& tree) {
    std::vector<pid_t> out;
    for (const Member& member : tree.members()) {
      if (!member.zombie) out.push_back(member.pid);
    }
    return out;
  }

  // The newest pass; true when it has not been in a row yet.
  bool update(const Moment& moment, const Tree& tree) {
    const std::vector<pid_t> now = pids(tree);
    std::optional<GpuPass> pass;
    std::int64_t number = 0;
    const auto join = [&](const GpuPass& one) { pass = pass ? together(*pass, one) : one; };
    for (auto& source : sources_) {
      if (moment.what == Moment::mark && pass_) return false;
      join(source->pass(moment.t, now));
      number = numbered_ + 1;
    }
    for (auto& reader : readers_) {
      reader->watch(now);
      // Base and last total are worth waiting for; the command does not run meanwhile.
      if (moment.what == Moment::start || moment.what == Moment::end) {
        reader->pass_now(moment.what == Moment::start ? 10.0 : 1.0);
      }
      if (const auto newest = reader->newest()) {
        join(newest->pass);
        number += newest->number;
      }
    }
    if (moment.what != Moment::mark) last_t_ = moment.t;
    if (!pass) return false;
    const bool fresh = number != numbered_;
    pass_ = std::move(pass);
    if (fresh && moment.what != Moment::mark) {
      numbered_ = number;
      account(moment.t);
    }
    return fresh;
  }

  void account(double t) {
    const GpuPass& pass = *pass_;
    total_mib_ = std::max(total_mib_, pass.mem_total_mib);
    if (pass.mem_mib.known() ? !peak_mem_.known() || pass.mem_mib.value > peak_mem_.value
                             : !peak_mem_.known()) {
      peak_mem_ = pass.mem_mib;
    }
    if (pass.power_w.known()) {
      power_sum_ += pass.power_w.value;
      ++powers_;
      slowed_ += pass.slowed ? 1 : 0;
      ++passes_used_;
    }
    const double share = pass.mem_pct.known() ? pass.mem_pct.value : 0;
    if (share < 10) small_since_ = t;
    preallocated_ = preallocated_ || (share >= 80 && t - small_since_ <= 2);
    if (!worst_ || pass.state > *worst_) {
      worst_ = pass.state;
      worst_why_ = pass.why;
    }
    was_ok_ = was_ok_ || pass.state == GpuState::ok;
  }

  const char* status_text() const {
    if (!worst_) return "the driver never answered";
    // Idle before and after the work is nothing worse than ok.
    const GpuState state = *worst_ == GpuState::idle && was_ok_ ? GpuState::ok : *worst_;
    if (*worst_why_ == '\0') return to_text(state);
    return lasting_note(fmt::format("{}: {}", to_text(state), worst_why_));
  }

  const char* const why_none_;
  std::vector<std::unique_ptr<GpuSource>> sources_;
  std::vector<std::unique_ptr<GpuReader>> readers_;
  std::optional<GpuPass> pass_;
  GpuPass empty_;
  std::int64_t numbered_ = 0;  // of the pass that is in a row
  double last_t_ = 0;

  Reading peak_mem_;
  double total_mib_ = 0, power_sum_ = 0, small_since_ = 0;
  int powers_ = 0, slowed_ = 0, passes_used_ = 0;
  bool preallocated_ = false, was_ok_ = false;
  std::optional<GpuState> worst_;
  const char* worst_why_ = "";
};

}  // namespace

GpuPass together(const GpuPass& a, const GpuPass& b) {
  // A kind of GPU that cannot be read at all says nothing against the other kind; one that is idle
  // now may have been busy before.
  if (a.state == GpuState::unsupported) return b;
  if (b.state == GpuState::unsupported) return a;
  GpuPass out = a.state > b.state ? a : b;
  if (a.state == GpuState::idle) out = b;
  if (b.state == GpuState::idle) out = a;
  out.gpu_s = sum(a.gpu_s, b.gpu_s);
  out.energy_j = sum(a.energy_j, b.energy_j);
  out.news = a.news || b.news;
  if (a.state == GpuState::idle || b.state == GpuState::idle) return out;
  out.util_pct = sum(a.util_pct, b.util_pct);
  out.mem_mib = sum(a.mem_mib, b.mem_mib);
  out.mem_total_mib = a.mem_total_mib + b.mem_total_mib;
  out.mem_pct = out.mem_mib.known() && out.mem_total_mib > 0
                    ? Reading::of(100 * out.mem_mib.value / out.mem_total_mib)
                    : sum(a.mem_pct, b.mem_pct);
  out.device_util_pct = sum(a.device_util_pct, b.device_util_pct);
  out.power_w = sum(a.power_w, b.power_w);
  out.slowed = a.slowed || b.slowed;
  return out;
}

std::unique_ptr<Probe> make_gpu_probe(std::vector<std::unique_ptr<GpuSource>> sources,
                                      std::string why_none) {
  return std::make_unique<GpuProbe>(std::move(sources), std::move(why_none), false, 0.1);
}

std::unique_ptr<Probe> make_gpu_probe(const ProbeContext& context) {
  std::vector<std::unique_ptr<GpuSource>> sources;
  std::string why;
  const GpuSourceOptions options{.root = context.root, .driver_now = {}};
  for (const auto make : {make_nvml_source, make_drm_source}) {
    std::string reason;
    if (auto source = make(options, reason))
      sources.push_back(std::move(source));
    else
      why += (why.empty() ? "" : "; ") + reason;
  }
  return std::make_unique<GpuProbe>(std::move(sources), std::move(why), true, context.interval_s);
}

}  // namespace treino::monitor
