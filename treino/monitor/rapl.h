// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/monitor/probe.h"

namespace treino::monitor {

// Energy of the processor packages, as the processor counts it (RAPL: Intel since 2011, AMD since
// Zen). Of the whole machine: the processor does not know who used it.
std::unique_ptr<Probe> make_rapl_probe(const ProbeContext& context);
void rapl_capabilities(const std::string& root, std::vector<Capability>& out);

}  // namespace treino::monitor
