// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/monitor/tree.h"

namespace treino::monitor {

// Sends a signal to every member of a freshly refreshed tree, each known by pid and start time, so
// that a number in other hands is never hit. SIGKILL goes through the control group where that can.
// Returns how many there were.
int signal_tree(const Tree& tree, int signal);

}  // namespace treino::monitor
