// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/graph/graph.h"
#include "treino/nn/schedule.h"

namespace treino::nn {

// Whole steps of a duration; at least 1 unless the duration is 0.
double schedule_steps(double epochs, double steps_per_epoch);

// The factor in the graph; step is [] f64, the completed steps.
Value schedule_factor(const Schedule& schedule, Value step, double steps_per_epoch, double epochs);

}  // namespace treino::nn
