// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "treino/experiment/result.h"

namespace treino::experiment {

// What the epochs of a run say they did: one count where all say the same, else each epoch's.
// Empty: not said by any.
std::string samples_done(const Run& run);
std::string steps_done(const Run& run);

// Where a run did something else than its `work` event promised: the first epoch with other
// samples, the first with steps that batch and samples cannot give, and a number of epochs.
std::vector<Difference> broken_promises(const Run& run);

}  // namespace treino::experiment
