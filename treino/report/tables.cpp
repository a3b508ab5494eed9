// SPDX-License-Identifier: Apache-2.0
#include "treino/report/tables.h"

#include <fmt/format.h>

#include <algorithm>

#include "treino/report/words.h"

namespace treino::report {

using experiment::Comparison;
using experiment::Contestant;
using experiment::Number;
using experiment::Phase;
using experiment::Run;
using experiment::RunStatus;
using experiment::Summary;

namespace {

constexpr const char* kUnknown = "unknown";

// Columns of metrics any contestant of the work has.
std::vector<std::string> present(const Result& result, const std::string& work,
                                 std::vector<std::string> metrics) {
  std::erase_if(metrics, [&](const std::string& metric) {
    const auto contestants = contestants_of(result, work);
    return std::ranges::none_of(contestants, [&](const Contestant* one) {
      return find_summary(result, one->id, metric) != nullptr;
    });
  });
  return metrics;
}

Table metric_table(const Result& result, const std::string& work,
                   const std::vector<std::string>& wanted) {
  Table table;
  table.header.emplace_back("contestant");
  const std::vector<std::string> columns = present(result, work, wanted);
  for (const std::string& metric : columns) {
    table.numbers.push_back(static_cast<int>(table.header.size()));
    table.header.emplace_back(experiment::find_metric(metric)->label);
  }
  for (const Contestant* one : contestants_of(result, work)) {
    std::vector<std::string>& row = table.rows.emplace_back();
    row.push_back(one->name);
    for (const std::string& metric : columns) {
      const Summary* summary = find_summary(result, one->id, metric);
      row.push_back(summary == nullptr ? kUnknown : summary_text(*summary));
    }
  }
  return table;
}

Number median_of(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  return experiment::median(values);
}

template <typename Read>
Number over_runs(const Result& result, const std::string& contestant, const std::string& phase,
                 Read&& read) {
  std::vector<double> values;
  for (const Run& run : result.runs) {
    if (run.contestant != contestant || run.status != RunStatus::ok) continue;
    for (const Phase& one : run.phases) {
      if (one.name != phase) continue;
      if (const Number value = read(one)) values.push_back(*value);
    }
  }
  return median_of(values);
}

std::string text_of(const Number& number, int decimals, const char* otherwise = kUnknown) {
  return number ? fmt::format("{:.{}f}", *number, decimals) : otherwise;
}

const char* status_text(RunStatus status) {
  switch (status) {
    case RunStatus::ok:
      return "used, though disturbed";
    case RunStatus::failed:
      return "failed";
    case RunStatus::timed_out:
      return "timed out";
    case RunStatus::broken_events:
      return "events not believed";
    case RunStatus::disturbed:
      return "disturbed, run again";
  }
  return "";
}

}  // namespace

Number phase_median(const Result& result, const std::string& contestant, const std::string& phase,
                    Number Phase::*quantity) {
  return over_runs(result, contestant, phase, [&](const Phase& one) { return one.*quantity; });
}

Number phase_seconds(const Result& result, const std::string& contestant,
                     const std::string& phase) {
  return over_runs(result, contestant, phase, [](const Phase& one) { return Number(one.seconds); });
}

Table machine_table(const Result& result) {
  Table table{.caption = "The machine", .header = {"what", "is"}};
  for (const auto& [name, value] : result.machine) table.rows.push_back({name, value});
  return table;
}

Table settings_table(const Result& result) {
  const experiment::Settings& settings = result.settings;
  Table table{.caption = "How it was measured", .header = {"what", "is"}};
  table.rows = {
      {"blocks", std::to_string(settings.blocks)},
      {"order", settings.order},
      {"threads", std::to_string(settings.threads)},
      {"cores", settings.pinning},
      {"page cache", settings.cache},
      {"sampling",
       fmt::format("every {:g} s, for drawing; totals come from counters", settings.interval_s)},
      {"seed",
       fmt::format("{} in block 1, one more in each block, the same for everybody", settings.seed)},
      {"other programs",
       fmt::format("a run is repeated when they take more than {:g} % of the cores",
                   settings.foreign_limit_pct)},
      {"margin of equivalence", fmt::format("{:g} %", 100 * settings.margin)},
      {"level", fmt::format("{:g}, corrected over the pairs of a metric (Holm)", settings.alpha)}};
  if (!settings.device.empty()) {
    table.rows.insert(table.rows.begin(),
                      {"device", fmt::format("{}, {}", settings.device, settings.precision)});
  }
  if (settings.target_accuracy)
    table.rows.push_back({"target accuracy", fmt::format("{:g} of the training samples, running",
                                                         *settings.target_accuracy)});
  table.rows.push_back({"treino", result.program});
  table.rows.push_back({"started", result.started});
  return table;
}

Table headline_table(const Result& result, const std::string& work) {
  Table table = metric_table(result, work,
                             {"train_s", "time_to_accuracy_s", "wall_s", "cpu_s", "gpu_s",
                              "peak_pss_mib", "peak_gpu_mem_mib", "gpu_energy_j", "accuracy"});
  table.caption = fmt::format(
      "{}: time and resources of a run, median and 95 % interval (counterpart of the thesis's "
      "Table 1)",
      work);
  return table;
}

Table variation_table(const Result& result, const std::string& work) {
  Table table = metric_table(result, work,
                             {"cpu_variation", "memory_variation", "gpu_variation",
                              "gpu_mem_variation", "cpu_cores_mean", "peak_rss_mib"});
  table.caption = fmt::format(
      "{}: largest minus smallest reading while training (the thesis's \"variation\"), beside mean "
      "and peak",
      work);
  return table;
}

Table phase_table(const Result& result, const std::string& work) {
  Table table{.caption = fmt::format("{}: medians by phase", work),
              .header = {"contestant", "phase", "seconds", "CPU s", "peak memory MiB"},
              .numbers = {2, 3, 4}};
  const auto contestants = contestants_of(result, work);
  const auto any = [&](Number Phase::*quantity) {
    return std::ranges::any_of(contestants, [&](const Contestant* one) {
      return std::ranges::any_of(kPhases, [&](const char* phase) {
        return phase_median(result, one->id, phase, quantity).has_value();
      });
    });
  };
  const std::pair<const char*, Number Phase::*> gpu[] = {
      {"GPU s", &Phase::gpu_s},
      {"peak GPU memory MiB", &Phase::peak_gpu_mem_mib},
      {"GPU energy J", &Phase::gpu_energy_j}};
  for (const auto& [label, quantity] : gpu) {
    if (!any(quantity)) continue;
    table.numbers.push_back(static_cast<int>(table.header.size()));
    table.header.emplace_back(label);
  }
  for (const Contestant* one : contestants) {
    for (const char* phase : kPhases) {
      const Number seconds = phase_seconds(result, one->id, phase);
      if (!seconds) continue;
      std::vector<std::string> row = {
          one->name, phase, text_of(seconds, 3),
          text_of(phase_median(result, one->id, phase, &Phase::cpu_s), 3),
          text_of(phase_median(result, one->id, phase, &Phase::peak_pss_mib), 1, "not sampled")};
      for (const auto& [label, quantity] : gpu) {
        if (any(quantity))
          row.push_back(text_of(phase_median(result, one->id, phase, quantity), 2));
      }
      table.rows.push_back(row);
    }
  }
  return table;
}

Table comparison_table(const Result& result, const std::string& work) {
  Table table{.caption = fmt::format("{}: every comparison; ratio is first / second", work),
              .header = {"metric", "first", "second", "ratio", "95 % interval", "p", "p corrected",
                         "blocks", "verdict"},
              .numbers = {3, 4, 5, 6, 7}};
  for (const Comparison& one : result.comparisons) {
    if (one.work != work) continue;
    table.rows.push_back({std::string(experiment::find_metric(one.metric)->label), one.a, one.b,
                          fmt::format("{:.4g}", one.ratio), to_string(one.ci95),
                          fmt::format("{:.4f}", one.p), fmt::format("{:.4f}", one.p_corrected),
                          std::to_string(one.n), one.verdict});
  }
  return table;
}

Table certificate_table(const Result& result, const std::string& work) {
  Table table{.caption = fmt::format("{}: same-work certificate", work),
              .header = {"what", "contestant", "says", "but", "says"}};
  for (const experiment::Certificate& certificate : result.certificates) {
    if (certificate.work != work) continue;
    for (const experiment::Difference& one : certificate.differences) {
      table.rows.push_back({one.field, one.contestant, one.value, one.other, one.other_value});
    }
  }
  return table;
}

Table effort_table(const Result& result) {
  Table table{.caption = "Effort (counterpart of the thesis's sections 3.1.2 and 5.6)",
              .header = {"contestant", "lines of its program", "installed MiB", "packages",
                         "set-up seconds"},
              .numbers = {1, 2, 3, 4}};
  for (const Contestant& one : result.contestants) {
    if (!one.program_lines || !one.control_of.empty()) continue;
    if (std::ranges::any_of(table.rows, [&](const auto& row) { return row.front() == one.name; }))
      continue;
    table.rows.push_back(
        {one.name, text_of(one.program_lines, 0), text_of(one.installed_mib, 0, "not recorded"),
         text_of(one.packages, 0, "not recorded"), text_of(one.setup_s, 0, "not recorded")});
  }
  return table;
}

Table power_table(const Result& result) {
  Table table{.caption =
                  "Blocks needed to show a difference with probability 80 %, at the scatter of the "
                  "noisiest pair",
              .header = {"work", "difference", "blocks", "noisiest pair"},
              .numbers = {1, 2}};
  for (const experiment::Power& one : result.powers) {
    table.rows.push_back({one.work, fmt::format("{:g} %", 100 * one.effect),
                          one.blocks < 0 ? "more than 1000" : std::to_string(one.blocks),
                          one.worst_pair});
  }
  return table;
}

Table trouble_table(const Result& result) {
  Table table{.caption = "Runs that were not plainly good",
              .header = {"block", "contestant", "what became of it", "why"}};
  for (const Run& run : result.runs) {
    if (run.status == RunStatus::ok && run.trouble.empty()) continue;
    table.rows.push_back(
        {std::to_string(run.block), run.contestant, status_text(run.status), run.trouble});
  }
  return table;
}

}  // namespace treino::report
