// SPDX-License-Identifier: Apache-2.0
// What a reader of the report must be told about this very experiment.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "treino/experiment/analyse.h"
#include "treino/experiment/certificate.h"
#include "treino/experiment/power.h"

namespace treino::experiment {

namespace {

std::string fact(const Result& result, std::string_view name) {
  for (const auto& [key, value] : result.machine) {
    if (key == name) return value;
  }
  return {};
}

void about_blocks(const Result& result, std::vector<std::string>& out) {
  for (const std::string& work : works_of(result)) {
    int rivals = 0;
    std::string ran;
    for (const Contestant& one : result.contestants) {
      const bool any = std::ranges::any_of(
          result.runs, [&](const Run& run) { return run.contestant == one.id && counts(run); });
      if (one.work == work && one.control_of.empty() && any) ++rivals;
    }
    if (rivals < 2) continue;
    const int pairs = rivals * (rivals - 1) / 2, least = least_blocks(pairs, result.settings.alpha);
    int blocks = result.settings.blocks;
    for (const Comparison& one : result.comparisons) {
      if (one.work == work && one.metric == "wall_s") blocks = std::min(blocks, one.n);
    }
    if (blocks < least) {
      out.push_back(
          fmt::format("{}: {} blocks cannot give a verdict: with {} pairs to correct for, the "
                      "least p that {} blocks allow "
                      "(2/2^{}) does not pass. At least {} blocks are needed.",
                      work, blocks, pairs, blocks, blocks, least));
    }
  }
  if (result.settings.blocks < kLeastForInterval) {
    out.push_back(
        fmt::format("Fewer than {} runs: no 95 % interval for a median exists, so none is shown.",
                    kLeastForInterval));
  }
}

void about_runs(const Result& result, std::vector<std::string>& out) {
  int disturbed = 0, kept = 0, total = 0;
  double missed = 0, samples = 0, observer = 0;
  std::map<std::string, std::vector<std::string>> troubles;
  for (const Run& run : result.runs) {
    ++total;
    if (run.status == RunStatus::disturbed) {
      ++disturbed;
    } else if (run.status == RunStatus::ok && !run.trouble.empty()) {
      ++kept;
    } else if (run.status != RunStatus::ok) {
      troubles[run.contestant].push_back(fmt::format("block {}: {}", run.block, run.trouble));
    }
    missed += run.missed_samples.value_or(0);
    samples += run.samples.value_or(0);
    observer = std::max(observer, run.observer_cpu_pct.value_or(0));
  }
  for (const auto& [contestant, lines] : troubles) {
    out.push_back(
        fmt::format("{}: {} of its runs went wrong ({})", contestant, lines.size(), lines.front()));
  }
  if (disturbed > 0) {
    out.push_back(
        fmt::format("{} of {} runs were disturbed by other programs and run again; their files are "
                    "kept in disturbed/.",
                    disturbed, total));
  }
  if (kept > 0) {
    out.push_back(
        fmt::format("{} runs were still disturbed at their last try and are used all the same: "
                    "other programs took more than {:g} % of the cores.",
                    kept, result.settings.foreign_limit_pct));
  }
  if (samples > 0 && missed / (samples + missed) > 0.01) {
    out.push_back(fmt::format(
        "The monitor missed {:.1f} % of its samples; totals come from counters and do not suffer.",
        100 * missed / (samples + missed)));
  }
  if (observer > 2) {
    out.push_back(fmt::format("The monitor itself used up to {:.1f} % of a core.", observer));
  }
  for (const Contestant& one : result.contestants) {
    if (!std::ranges::any_of(result.runs,
                             [&](const Run& run) { return run.contestant == one.id; })) {
      out.push_back(fmt::format("{} was not run{}{}: nothing here says anything about it.", one.id,
                                one.note.empty() ? "" : ": ", one.note));
    } else if (!one.note.empty()) {
      out.push_back(fmt::format("{}: {}.", one.id, one.note));
    }
  }
}

void about_work(const Result& result, std::vector<std::string>& out) {
  for (const Certificate& certificate : result.certificates) {
    if (!certificate.ok && !certificate.differences.empty()) {
      out.push_back(
          result.settings.unequal
              ? fmt::format("{}: the contestants did DIFFERENT WORK ({} differences); they are "
                            "ranked because --unequal asked for it.",
                            certificate.work, certificate.differences.size())
              : fmt::format("{}: the contestants did different work ({} differences), so they are "
                            "not ranked; --unequal ranks them all the same and says so.",
                            certificate.work, certificate.differences.size()));
    }
    if (!certificate.unknown.empty()) {
      out.push_back(fmt::format("{}: same work is not proven: {}.", certificate.work,
                                fmt::join(certificate.unknown, "; ")));
    }
    for (const std::string& note : certificate.notes)
      out.push_back(fmt::format("{}: {}", certificate.work, note));
  }
}

void about_control(const Result& result, std::vector<std::string>& out) {
  std::set<std::string> controlled;
  for (const Contestant& one : result.contestants) {
    if (!one.control_of.empty()) controlled.insert(one.work);
  }
  if (controlled.empty()) {
    out.push_back(
        "No A/A control was run: nothing here shows that the experiment itself is unbiased.");
    return;
  }
  std::vector<std::string> wrong;
  int tested = 0;
  for (const Comparison& one : result.comparisons) {
    if (!one.b.ends_with(" (again)")) continue;
    ++tested;
    if (one.verdict != "equivalent" && one.verdict != "no difference shown") {
      wrong.push_back(fmt::format("{} {} ({})", one.work, one.metric, one.verdict));
    }
  }
  // One in twenty goes wrong by chance; the main times must not.
  out.push_back(wrong.empty()
                    ? fmt::format("A/A control: the same contestant run twice showed no difference "
                                  "in any of {} comparisons.",
                                  tested)
                    : fmt::format("A/A control: the same contestant run twice differs in {} of {} "
                                  "comparisons ({}); one in twenty does by chance.",
                                  wrong.size(), tested, fmt::join(wrong, ", ")));
}

void about_machine(const Result& result, std::vector<std::string>& out) {
  out.push_back(
      "One machine, and these works only: other machines and networks may turn out otherwise.");
  if (fact(result, "virtual machine") == "yes") {
    out.push_back(
        "A virtual machine: neighbours on the same hardware cannot be seen or kept away.");
  }
  const std::string governor = fact(result, "governor");
  if (!governor.empty() && governor != "performance") {
    out.push_back(
        fmt::format("The clock's governor is \"{}\": speed depends on what ran before.", governor));
  }
  if (result.settings.pinning.find("shares") != std::string::npos) {
    out.push_back("The monitor shared the contestants' cores: no core was free for it.");
  }
  const std::string swap = fact(result, "swap in use");
  if (!swap.empty() && !swap.starts_with("0 MiB"))
    out.push_back(fmt::format("Swap is in use ({}).", swap));
}

void about_outliers(const Result& result, std::vector<std::string>& out) {
  for (const Summary& summary : result.summaries) {
    if ((summary.metric != "train_s" && summary.metric != "wall_s") || summary.outliers.empty())
      continue;
    std::vector<std::string> blocks;
    for (const int i : summary.outliers)
      blocks.push_back(fmt::format("{} ({:.3f} s)", summary.blocks[static_cast<std::size_t>(i)],
                                   summary.values[static_cast<std::size_t>(i)]));
    out.push_back(fmt::format("{}: outlying {} in block {}; shown and used, never dropped.",
                              summary.contestant, find_metric(summary.metric)->label,
                              fmt::join(blocks, ", ")));
  }
}

}  // namespace

std::vector<std::string> judge(const Result& result) {
  std::vector<std::string> out;
  about_blocks(result, out);
  about_work(result, out);
  about_runs(result, out);
  about_control(result, out);
  about_outliers(result, out);
  about_machine(result, out);
  return out;
}

}  // namespace treino::experiment
