// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/monitor/probe.h"

namespace treino::monitor {

// CPU time of the tree: differences of its counter, never a ratio since boot.
std::unique_ptr<Probe> make_cpu_probe(const ProbeContext& context);
void cpu_capabilities(const std::string& root, std::vector<Capability>& out);

}  // namespace treino::monitor
