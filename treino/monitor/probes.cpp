// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/cpu.h"
#include "treino/monitor/io.h"
#include "treino/monitor/memory.h"
#include "treino/monitor/probe.h"
#include "treino/monitor/processes.h"
#include "treino/monitor/surroundings.h"

namespace treino::monitor {

namespace {

constexpr ProbeRow kProbes[] = {
    {"cpu", make_cpu_probe, cpu_capabilities},
    {"memory", make_memory_probe, memory_capabilities},
    {"processes", make_processes_probe, nullptr},
    {"io", make_io_probe, nullptr},
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
