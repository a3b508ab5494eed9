// SPDX-License-Identifier: Apache-2.0
// Gradients as rules graph -> graph: one per op, in one table.
#pragma once

#include <vector>

#include "treino/graph/graph.h"

namespace treino {

// Adds to `graph` the nodes that compute d loss / d x for each x of `with_respect_to`.
// `loss` is a scalar. A value the loss does not depend on has a gradient of zeros.
// Throws Error::mistake naming the op when the way from x to the loss has no gradient.
std::vector<Value> gradients(Graph& graph, Value loss, const std::vector<Value>& with_respect_to);

}  // namespace treino
