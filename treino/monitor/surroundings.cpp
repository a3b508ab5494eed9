// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/surroundings.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "treino/monitor/proc.h"
#include "treino/monitor/tree.h"

namespace treino::monitor {

namespace {

constexpr Column kColumns[] = {
    {"foreign_cores", Kind::rate, 3, "cores kept busy by everything but the tree and this monitor"},
    {"psi_cpu_pct", Kind::rate, 2,
     "share of time in which some task of the machine waited for a CPU"},
    {"psi_memory_pct", Kind::rate, 2, "... for memory"},
    {"psi_io_pct", Kind::rate, 2, "... for storage"},
};
constexpr std::array kPressures = {"cpu", "memory", "io"};

constexpr double kPace = 1.0;  // seconds; /proc/stat is dear on machines with many cores

double this_process_cpu_s() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// CPU seconds spent by all cores in anything but idling and waiting for I/O.
std::optional<double> busy_s(std::string_view stat) {
  // "cpu  user nice system idle iowait irq softirq steal guest guest_nice"; user contains guest.
  if (!stat.starts_with("cpu ")) return std::nullopt;
  const char* at = stat.data() + 4;
  const char* const end = stat.data() + std::min(stat.find('\n'), stat.size());
  std::uint64_t busy = 0;
  for (int field = 0; field < 7 && at < end; ++field) {
    while (at < end && *at == ' ') ++at;
    std::uint64_t ticks = 0;
    at = std::from_chars(at, end, ticks).ptr;
    if (field != 3 && field != 4) busy += ticks;
  }
  return static_cast<double>(busy) * seconds_per_tick();
}

class SurroundingsProbe : public Probe {
 public:
  explicit SurroundingsProbe(const ProbeContext& context) {
    stat_ = open_read(context.root + "/proc/stat");
    if (!stat_) foreign_ = Reading::absent("/proc/stat cannot be read");
    for (std::size_t i = 0; i < kPressures.size(); ++i) {
      Pressure& pressure = pressures_[i];
      pressure.file = open_read(context.root + "/proc/pressure/" + kPressures[i]);
      pressure.why = "this kernel has no PSI (boot with psi=1)";
    }
  }

  std::span<const Column> columns() const override { return kColumns; }

  void read(const Moment& moment, const Tree& tree, std::span<Reading> out) override {
    if (moment.what == Moment::mark) return;
    if (moment.what == Moment::tick && moment.t < last_t_ + kPace) {
      for (Reading& reading : out) reading = Reading::absent("read once a second");
      return;
    }
    const double dt = moment.t - last_t_;
    last_t_ = moment.t;
    out[0] = read_foreign(moment, tree, dt);
    for (std::size_t i = 0; i < kPressures.size(); ++i) out[i + 1] = read_pressure(i, moment, dt);
  }

  void summarize(Summary& summary) const override {
    const auto mean = [this](const Reading& total, double scale) {
      if (!total.known()) return total;
      if (last_t_ <= 0) return Reading::absent("no time has passed");
      return Reading::of(scale * total.value / last_t_);
    };
    summary.add("foreign_cores_mean", mean(foreign_, 1), 3);
    for (std::size_t i = 0; i < kPressures.size(); ++i) {
      Reading share = mean(pressures_[i].total, 100);
      if (share.known())
        share.value = std::min(share.value, 100.0);  // the kernel adds in 2 s steps
      summary.add(fmt::format("psi_{}_pct", kPressures[i]), share, 2);
    }
  }

 private:
  struct Pressure {
    Descriptor file;
    double before = 0;
    Reading total;  // seconds since the start
    const char* why = "";
  };

  Reading read_foreign(const Moment& moment, const Tree& tree, double dt) {
    const auto text = stat_ ? reader_.read(stat_.get()) : std::nullopt;
    const auto busy = text ? busy_s(*text) : std::nullopt;
    const Reading tree_s = tree.cpu_s();
    if (!busy) return Reading::absent("/proc/stat cannot be read");
    if (!tree_s.known()) return Reading::absent(tree_s.note);
    const double foreign = *busy - tree_s.value - this_process_cpu_s();
    const double grown = foreign - foreign_before_;
    foreign_before_ = foreign;
    if (moment.what == Moment::start) {
      foreign_ = Reading::of(0);
      return Reading::of(0);
    }
    foreign_since_ += grown;
    foreign_ = Reading::of(std::max(0.0, foreign_since_));  // ticks against nanoseconds
    if (dt <= 0) return Reading::absent("no time has passed");
    return Reading::of(std::max(0.0, grown / dt));
  }

  Reading read_pressure(std::size_t index, const Moment& moment, double dt) {
    Pressure& pressure = pressures_[index];
    const auto text = pressure.file ? reader_.read(pressure.file.get()) : std::nullopt;
    // "some avg10=0.00 avg60=0.00 avg300=0.00 total=230600062" in microseconds
    const std::size_t at = text ? text->find("total=") : std::string_view::npos;
    if (at == std::string_view::npos) {
      pressure.total = Reading::absent(pressure.why);
      return pressure.total;
    }
    std::uint64_t micros = 0;
    std::from_chars(text->data() + at + 6, text->data() + text->size(), micros);
    const double now = static_cast<double>(micros) * 1e-6, grown = now - pressure.before;
    pressure.before = now;
    if (moment.what == Moment::start || !pressure.total.known()) {
      pressure.total = Reading::of(0);
      return Reading::absent("no time has passed");
    }
    pressure.total = Reading::of(pressure.total.value + grown);
    if (dt <= 0) return Reading::absent("no time has passed");
    return Reading::of(std::min(100.0, 100 * grown / dt));
  }

  Descriptor stat_;
  std::array<Pressure, kPressures.size()> pressures_;
  double foreign_before_ = 0, foreign_since_ = 0, last_t_ = 0;
  Reading foreign_;
  ProcReader reader_;
};

}  // namespace

std::unique_ptr<Probe> make_surroundings_probe(const ProbeContext& context) {
  return std::make_unique<SurroundingsProbe>(context);
}

void surroundings_capabilities(const std::string& root, std::vector<Capability>& out) {
  ProcReader reader;
  const bool found = reader.read(root + "/proc/pressure/cpu").has_value();
  out.push_back({.name = "pressure stall information (PSI)",
                 .ok = found,
                 .reason = found ? "/proc/pressure" : "the kernel was built or booted without it",
                 .remedy = found ? "" : "boot with psi=1"});
}

}  // namespace treino::monitor
