// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/monitor/probe.h"

namespace treino::monitor {

// Memory of the tree: RSS at every row, PSS and USS at their own pace, anonymous memory and the
// peak from the control group where there is one.
std::unique_ptr<Probe> make_memory_probe(const ProbeContext& context);
void memory_capabilities(const std::string& root, std::vector<Capability>& out);

}  // namespace treino::monitor
