// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "treino/graph/graph.h"

namespace treino::compiler {

// The order nodes run in, and which results are written straight into a variable.
struct Schedule {
  std::vector<int> order;              // live nodes that run; variables are not among them
  std::vector<std::vector<int>> home;  // [node][output]: variable it is written into, or -1
};

// An assign whose value can be computed in place vanishes; the others become copies that run after
// every read of the variable's old value.
Schedule schedule(const Graph& graph);

}  // namespace treino::compiler
