// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/time_to_accuracy.h"

namespace treino::experiment {

std::optional<double> time_to_accuracy(std::span<const Epoch> epochs, double target) {
  double seconds = 0;
  for (const Epoch& epoch : epochs) {
    seconds += epoch.seconds;
    if (epoch.accuracy && *epoch.accuracy >= target) return seconds;
  }
  return std::nullopt;
}

}  // namespace treino::experiment
