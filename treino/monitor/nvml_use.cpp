// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/nvml_use.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>

namespace treino::monitor {

using nvml::Return;

namespace {

bool is_listed(const NvmlBoard& board, std::uint32_t pid) {
  const std::vector<Nvml::Process>& all = board.parts[0].processes;
  return std::any_of(all.begin(), all.end(),
                     [&](const Nvml::Process& process) { return process.pid == pid; });
}

NvmlUse accept(NvmlBoard& board, std::uint64_t newest, double pct, const char* note) {
  const double seconds = static_cast<double>(newest - board.seen) * 1e-6;
  board.seen = newest;
  return {true, std::min(pct, 100.0), seconds, note, nullptr};
}

// No sample: nothing ran, once the driver has had the time to take one.
NvmlUse nothing(NvmlBoard& board, std::uint64_t now) {
  constexpr std::uint64_t kPeriod = 1'000'000;  // a driver samples at least once a second
  if (now < board.seen + kPeriod) return {};
  return accept(board, now - kPeriod / 2, 0, "");
}

using Samples = std::vector<Nvml::Utilization>;

// Percent over the time from `seen` to `newest`: each process's samples stand for the time since
// its sample before; processes add up.
double percent(Samples samples, std::uint64_t seen, std::uint64_t newest) {
  std::sort(samples.begin(), samples.end(),
            [](const auto& a, const auto& b) { return a.time < b.time; });
  std::map<std::uint32_t, std::uint64_t> before;
  double weighted = 0;
  for (const Nvml::Utilization& sample : samples) {
    std::uint64_t& from = before.try_emplace(sample.pid, seen).first->second;
    weighted += static_cast<double>(sample.sm) * static_cast<double>(sample.time - from);
    from = sample.time;
  }
  return newest > seen ? weighted / static_cast<double>(newest - seen) : 0;
}

// The list speaks of our pids, the samples of another namespace's (before R570). Only one on each
// side can be told.
NvmlUse of_strangers(NvmlBoard& board, const TreePids& tree, const Samples& strangers,
                     std::uint64_t newest) {
  const std::uint32_t pid = strangers.front().pid;
  const bool one = std::all_of(strangers.begin(), strangers.end(),
                               [&](const Nvml::Utilization& use) { return use.pid == pid; });
  const std::vector<Nvml::Process>& listed = board.parts[0].processes;
  if (!one || listed.size() != 1 || !tree.has(listed[0].pid)) {
    return {.why = "pid-namespace: the driver's samples speak of other pids than its list"};
  }
  return accept(board, newest, percent(strangers, board.seen, newest), "inferred");
}

}  // namespace

bool TreePids::has(std::uint32_t pid) const {
  const std::uint32_t own = mapped && mapped->first == pid ? mapped->second : pid;
  return std::find(pids.begin(), pids.end(), static_cast<pid_t>(own)) != pids.end();
}

bool TreePids::seen_here(std::uint32_t pid) const {
  return access(fmt::format("{}/proc/{}", root, pid).c_str(), F_OK) == 0;
}

NvmlUse device_use(Nvml& nvml, NvmlBoard& board) {
  std::vector<nvml::Sample> samples;
  const Return code = nvml.samples(board.device, board.device_seen, samples);
  if (code == nvml::not_found) return {};
  if (code != nvml::success) return {.why = nvml_reason(code)};
  std::sort(samples.begin(), samples.end(),
            [](const nvml::Sample& a, const nvml::Sample& b) { return a.time < b.time; });
  double weighted = 0;
  double seconds = 0;
  for (const nvml::Sample& sample : samples) {
    if (sample.time <= board.device_seen || sample.value > 100) continue;
    const double span = static_cast<double>(sample.time - board.device_seen) * 1e-6;
    weighted += span * static_cast<double>(sample.value);
    seconds += span;
    board.device_seen = sample.time;
  }
  if (seconds <= 0) return {};
  return {true, weighted / seconds, seconds, "", nullptr};
}

NvmlUse process_use(Nvml& nvml, NvmlBoard& board, const TreePids& tree, std::uint64_t now) {
  Samples all;
  const Return code = nvml.utilization(board.device, board.seen, all);
  if (code == nvml::not_found || (code == nvml::success && all.empty())) return nothing(board, now);
  if (code != nvml::success) return {.why = nvml_reason(code)};
  std::uint64_t newest = board.seen;
  Samples ours, strangers;  // of pids that are nowhere: not listed, not here
  bool garbage = false;
  for (const Nvml::Utilization& use : all) {
    const bool mine = tree.has(use.pid);
    if (use.sm > 100) {
      garbage = garbage || mine;
      continue;
    }
    if (use.time <= board.seen) continue;
    newest = std::max(newest, use.time);
    if (mine) {
      ours.push_back(use);
    } else if (!is_listed(board, use.pid) && !tree.seen_here(use.pid)) {
      strangers.push_back(use);
    }
  }
  if (!ours.empty()) return accept(board, newest, percent(ours, board.seen, newest), "");
  if (garbage) return {.why = "the driver's sample makes no sense (more than 100 %)"};
  if (newest == board.seen) return {};  // only what was seen before
  if (strangers.empty()) return accept(board, newest, 0, "");
  return of_strangers(board, tree, strangers, newest);
}

NvmlUse instance_use(Nvml& nvml, NvmlBoard& board, const TreePids& tree, std::uint64_t now) {
  if (!board.gpm) return {.why = "MIG: this GPU has no counters for its instances"};
  NvmlUse out{.known = true, .note = "inferred"};
  out.seconds = static_cast<double>(now - board.seen) * 1e-6;
  for (const NvmlPart& part : board.parts) {
    if (!part.used) continue;
    const bool alone =
        std::all_of(part.processes.begin(), part.processes.end(),
                    [&](const Nvml::Process& process) { return tree.has(process.pid); });
    if (!alone) return {.why = "MIG: another process shares the instance"};
    const auto gpm = nvml.gpm(board.device, part.instance);
    out.known = out.known && gpm.has_value();  // the first of a pair tells nothing
    if (gpm) out.pct += gpm->sm;
  }
  board.seen = now;
  return out.known ? out : NvmlUse{};
}

}  // namespace treino::monitor
