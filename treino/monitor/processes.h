// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/monitor/probe.h"

namespace treino::monitor {

// How many processes and threads the tree has.
std::unique_ptr<Probe> make_processes_probe(const ProbeContext& context);

}  // namespace treino::monitor
