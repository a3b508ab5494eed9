// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/rapl.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

namespace treino::monitor {

namespace {

constexpr Column kColumns[] = {
    {"cpu_power_w", Kind::rate, 2, "power of the processor packages, whole machine (RAPL)"},
    {"cpu_energy_j", Kind::counter, 2, "energy of the processor packages, whole machine (RAPL)"},
};
constexpr const char* kDenied = "no permission (energy_uj is for root)";
constexpr const char* kNone = "this machine has no RAPL counters (virtual, or another processor)";

std::string read_text(const std::string& path, int& error) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    error = errno;
    return {};
  }
  char text[128];
  const ssize_t size = read(file, text, sizeof text);
  error = size < 0 ? errno : 0;
  close(file);
  std::string out(text, size > 0 ? static_cast<std::size_t>(size) : 0);
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

std::optional<std::uint64_t> read_number(const std::string& path, int& error) {
  const std::string text = read_text(path, error);
  std::uint64_t value = 0;
  if (text.empty() ||
      std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc{}) {
    return std::nullopt;
  }
  return value;
}

// One processor package. Its parts (cores, memory) are in it or beside it, and psys holds it all:
// counting those too would count twice.
struct Package {
  std::string file;
  std::uint64_t range = 0;  // microjoules at which the counter starts again
  std::uint64_t before = 0;
};

struct Packages {
  std::vector<Package> all;
  const char* why = kNone;
};

Packages find_packages(const std::string& root) {
  Packages found;
  const std::string folder = root + "/sys/class/powercap";
  DIR* entries = opendir(folder.c_str());
  if (entries == nullptr) return found;
  std::vector<std::string> names;
  while (const dirent* entry = readdir(entries)) {
    const std::string name = entry->d_name;
    // intel-rapl:0 is a package, intel-rapl:0:1 a part of it; intel-rapl-mmio repeats the packages.
    if (name.starts_with("intel-rapl:") && std::count(name.begin(), name.end(), ':') == 1) {
      names.push_back(name);
    }
  }
  closedir(entries);
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    int error = 0;
    Package package{.file = folder + "/" + name + "/energy_uj"};
    if (!read_text(folder + "/" + name + "/name", error).starts_with("package")) continue;
    const auto now = read_number(package.file, error);
    if (!now) {
      found.why = error == EACCES || error == EPERM ? kDenied : "energy_uj cannot be read";
      found.all.clear();
      return found;  // a part of the packages would be taken for the whole
    }
    package.before = *now;
    package.range = read_number(folder + "/" + name + "/max_energy_range_uj", error).value_or(0);
    found.all.push_back(std::move(package));
  }
  return found;
}

class RaplProbe : public Probe {
 public:
  explicit RaplProbe(const std::string& root) {
    Packages found = find_packages(root);
    packages_ = std::move(found.all);
    why_ = packages_.empty() ? found.why : nullptr;
  }

  std::span<const Column> columns() const override { return kColumns; }

  // The smallest counters start again after a minute of full load: rows may be further apart.
  void peek(double, const Tree&) override { collect(); }

  void read(const Moment& moment, const Tree&, std::span<Reading> out) override {
    collect();
    if (why_ != nullptr) {
      out[0] = out[1] = Reading::absent(why_);
      return;
    }
    if (moment.what == Moment::start) joules_ = last_ = 0;
    out[1] = Reading::of(joules_);
    if (moment.what == Moment::mark) return;
    // The counter moves once a millisecond.
    out[0] = moment.dt > 0.002 ? Reading::of((joules_ - last_) / moment.dt)
                               : Reading::absent("no time has passed");
    last_ = joules_;
    t_ = moment.t;
  }

  void summarize(Summary& summary) const override {
    const Reading energy =
        why_ != nullptr ? Reading::absent(why_) : Reading::of(joules_, "whole machine");
    summary.add("cpu_energy_j", energy, 2);
    summary.add("cpu_power_w_mean",
                !energy.known() ? energy
                : t_ > 0        ? Reading::of(joules_ / t_, "whole machine")
                                : Reading::absent("no time has passed"),
                2);
  }

  std::string method() const override {
    return why_ != nullptr ? ""
                           : fmt::format("RAPL, {} package{}", packages_.size(),
                                         packages_.size() == 1 ? "" : "s");
  }

 private:
  void collect() {
    if (why_ != nullptr) return;
    double grown = 0;
    for (Package& package : packages_) {
      int error = 0;
      const auto now = read_number(package.file, error);
      if (!now) {
        why_ = error == EACCES || error == EPERM ? kDenied : "energy_uj cannot be read any more";
        return;
      }
      const std::uint64_t steps =
          *now >= package.before
              ? *now - package.before
              : *now + (package.range > package.before ? package.range - package.before + 1 : 0);
      grown += static_cast<double>(steps) * 1e-6;
      package.before = *now;
    }
    joules_ += grown;
  }

  std::vector<Package> packages_;
  const char* why_ = nullptr;
  double joules_ = 0, last_ = 0, t_ = 0;
};

}  // namespace

std::unique_ptr<Probe> make_rapl_probe(const ProbeContext& context) {
  return std::make_unique<RaplProbe>(context.root);
}

void rapl_capabilities(const std::string& root, std::vector<Capability>& out) {
  const Packages found = find_packages(root);
  const bool ok = !found.all.empty();
  Capability capability{.name = "processor energy (RAPL)", .ok = ok};
  capability.reason =
      ok ? fmt::format("{} package(s), whole machine", found.all.size()) : found.why;
  if (!ok) capability.remedy = "measure on the machine itself; virtual ones do not pass it on";
  if (!ok && found.why == kDenied) {
    capability.remedy = "as root: chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj";
  }
  out.push_back(std::move(capability));
}

}  // namespace treino::monitor
