// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/selftest.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cmath>

#include "treino/base/error.h"
#include "treino/monitor/sampler.h"

namespace treino::monitor {

namespace {

constexpr double kNoisy = 1.5;  // cores of foreign load; timings then say little

Summary measure(const std::string& program, std::vector<std::string> load, bool own_cgroup) {
  Launch launch;
  launch.command = {program, "monitor", "--load"};
  launch.command.insert(launch.command.end(), load.begin(), load.end());
  launch.own_cgroup = own_cgroup;
  Sampler sampler(std::move(launch), {.interval_s = 0.1});
  Summary summary = sampler.run();
  if (!summary.failure.empty()) throw Error::work(summary.failure);
  if (summary.exit != 0)
    throw Error::work(fmt::format("the load \"{}\" failed", fmt::join(load, " ")));
  return summary;
}

Verdict compare(std::string probe, std::string load, const char* unit, double wanted, double within,
                const Reading& read) {
  Verdict verdict{std::move(probe), std::move(load), Verdict::unknown, {}};
  if (!read.known()) {
    verdict.detail = read.note;
    return verdict;
  }
  verdict.what = std::abs(read.value - wanted) <= within ? Verdict::passed : Verdict::failed;
  verdict.detail = fmt::format("read {:.2f} {}, expected {:.2f} within {:.2f}", read.value, unit,
                               wanted, within);
  return verdict;
}

}  // namespace

std::vector<Verdict> selftest(const std::string& program,
                              const std::function<void(const Verdict&)>& tell) {
  std::vector<Verdict> all;
  const auto add = [&](Verdict verdict) {
    tell(verdict);
    all.push_back(std::move(verdict));
  };
  for (const bool own_cgroup : {true, false}) {
    const std::string way = own_cgroup ? "cpu" : "cpu (/proc ledger)";
    const Summary duty = measure(program, {"duty", "0.37", "3"}, own_cgroup);
    // The load keeps its share by its own CPU clock; a busy machine only stretches it.
    const double spent = duty.get("cpu_s_rusage").value;
    add(compare(way, "37 % of one core for 3 s", "%", 100 * spent / duty.wall_s, 1, [&] {
      Reading mean = duty.get("cpu_cores_mean");
      if (mean.known()) mean.value *= 100;
      return mean;
    }()));
    const Summary children = measure(program, {"children", "20", "20"}, own_cgroup);
    const double kernel = children.get("cpu_s_rusage").value;
    add(compare(way, "20 children of 20 ms, ended at once", "s", kernel, 0.03 * kernel + 0.01,
                children.get("cpu_s")));
    if (own_cgroup) {
      const Reading foreign = duty.get("foreign_cores_mean");
      Verdict quiet{"surroundings", "nothing else runs", Verdict::unknown, foreign.note};
      if (foreign.known()) {
        quiet.what = Verdict::passed;
        quiet.detail = fmt::format("{:.2f} cores are busy with something else{}", foreign.value,
                                   foreign.value > kNoisy ? ": timings taken now say little" : "");
      }
      add(std::move(quiet));
    }
  }
  const double base = measure(program, {"memory", "0.01", "1"}, true).get("peak_pss_mib").value;
  const Summary memory = measure(program, {"memory", "256", "1"}, true);
  add(compare("memory: RSS", "256 MiB held", "MiB", 256 + base, 0.05 * 256 + 10,
              memory.get("peak_rss_mib")));
  add(compare("memory: PSS", "256 MiB held", "MiB", 256 + base, 0.05 * 256,
              memory.get("peak_pss_mib")));
  add(compare("memory: anonymous", "256 MiB held", "MiB", 256, 0.05 * 256,
              memory.get("peak_anon_mib")));
  add(compare("memory: control group's peak", "256 MiB held", "MiB", 256, 0.05 * 256,
              memory.get("peak_cgroup_mib")));
  const Summary shared = measure(program, {"shared", "256", "4", "1"}, true);
  add(compare("memory: PSS", "256 MiB shared by 5 processes", "MiB", 256 + base, 0.05 * 256 + 4,
              shared.get("peak_pss_mib")));
  add(compare("processes", "5 processes", "", 5, 0.5, shared.get("peak_processes")));
  const Summary daemon = measure(program, {"daemon", "60"}, true);
  add(compare("ending", "a daemon that outlives its command", "ended", 1, 0,
              Reading::of(daemon.notes.empty() ? 0 : 1)));
  return all;
}

}  // namespace treino::monitor
