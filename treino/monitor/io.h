// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/monitor/probe.h"

namespace treino::monitor {

// What the tree had read from and written to storage (not the page cache).
std::unique_ptr<Probe> make_io_probe(const ProbeContext& context);

}  // namespace treino::monitor
