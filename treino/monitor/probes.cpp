// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/cpu.h"
#include "treino/monitor/gpu.h"
#include "treino/monitor/io.h"
#include "treino/monitor/memory.h"
#include "treino/monitor/probe.h"
#include "treino/monitor/processes.h"
#include "treino/monitor/rapl.h"
#include "treino/monitor/surroundings.h"

namespace treino::monitor {

namespace {

constexpr ProbeRow kProbes[] = {
    {"cpu", make_cpu_probe, cpu_capabilities},
    {"memory", make_memory_probe, memory_capabilities},
    {"processes", make_processes_probe, nullptr},
    {"gpu", make_gpu_probe, gpu_capabilities},
    {"io", make_io_probe, nullptr},
    {"energy", make_rapl_probe, rapl_capabilities},
    {"surroundings", make_surroundings_probe, surroundings_capabilities},
};

}  // namespace

std::span<const ProbeRow> probe_table() {
  return kProbes;
}

std::vector<Capability> capabilities(const std::string& root) {
  std::vector<Capability> all;
  for (const ProbeRow& row : kProbes) {
    if (row.capabilities != nullptr) row.capabilities(root, all);
  }
  return all;
}

}  // namespace treino::monitor
