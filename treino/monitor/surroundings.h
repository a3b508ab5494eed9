// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/monitor/probe.h"

namespace treino::monitor {

// What else the machine was doing: CPU used by processes that are neither the tree nor us, and the
// time in which work had to wait for CPU, memory or storage (PSI). A run with much of it is no
// proof.
std::unique_ptr<Probe> make_surroundings_probe(const ProbeContext& context);
void surroundings_capabilities(const std::string& root, std::vector<Capability>& out);

}  // namespace treino::monitor
