// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "treino/graph/graph.h"
#include "treino/nn/model.h"
#include "treino/nn/optimizer.h"

namespace treino::nn {

struct Trained {
  std::string name;
  Value value;     // the variable
  Value gradient;  // of its shape
};

// Assigns every parameter and the optimiser's slots "optimizer.<slot>.<parameter>". rate is the
// schedule's rate and step the number of completed steps, both [] f64.
void emit_update(Graph& graph, const Optimizer& optimizer, Value rate, Value step,
                 const std::vector<Trained>& parameters);

// Slots that do not start at 0.
std::vector<NamedTensor> initial_slots(const Optimizer& optimizer, const Model& model);

}  // namespace treino::nn
