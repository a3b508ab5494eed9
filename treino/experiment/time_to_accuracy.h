// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "treino/experiment/result.h"

namespace treino::experiment {

// Seconds of training (evaluation and saving between epochs not counted) until the end of the first
// epoch whose accuracy reached `target`; nothing when none did. The fair axis where contestants
// learn differently an epoch.
std::optional<double> time_to_accuracy(std::span<const Epoch> epochs, double target);

}  // namespace treino::experiment
