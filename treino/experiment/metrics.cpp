// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/result.h"

namespace treino::experiment {

namespace {

constexpr Metric kMetrics[] = {
    {"train_s", "training", "s", true, true, 3},
    {"epoch_s", "an epoch", "s", true, true, 3},
    {"wall_s", "whole run", "s", true, true, 3},
    {"startup_s", "start-up", "s", true, true, 3},
    {"data_s", "loading the data", "s", true, true, 3},
    {"compile_s", "compiling", "s", true, true, 3},
    {"eval_s", "evaluation", "s", true, true, 3},
    {"time_to_accuracy_s", "time to the target accuracy", "s", true, true, 3},
    {"cpu_s", "CPU time", "s", true, true, 3},
    {"gpu_s", "GPU time", "s", true, true, 3},
    {"peak_pss_mib", "peak memory (PSS)", "MiB", false, true, 1},
    {"peak_rss_mib", "peak memory (RSS sum)", "MiB", false, true, 1},
    {"peak_anon_mib", "peak anonymous memory", "MiB", false, true, 1},
    {"peak_gpu_mem_mib", "peak GPU memory", "MiB", false, true, 1},
    {"gpu_energy_j", "GPU energy", "J", false, true, 1},
    {"accuracy", "test accuracy", "", false, true, 4},
    {"cpu_cores_mean", "mean CPU while training", "cores", false, false, 2},
    {"cpu_variation", "variation of CPU", "cores", false, false, 2},
    {"memory_variation", "variation of memory", "MiB", false, false, 1},
    {"gpu_variation", "variation of GPU", "%", false, false, 1},
    {"gpu_mem_variation", "variation of GPU memory", "MiB", false, false, 1},
};

}  // namespace

std::span<const Metric> metrics() {
  return kMetrics;
}

const Metric* find_metric(std::string_view name) {
  for (const Metric& metric : kMetrics) {
    if (metric.name == name) return &metric;
  }
  return nullptr;
}

}  // namespace treino::experiment
