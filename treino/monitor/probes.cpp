// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/probe.h"
#include "treino/monitor/processes.h"

namespace treino::monitor {

namespace {

constexpr ProbeRow kProbes[] = {
    {"processes", make_processes_probe, nullptr},
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
