// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "treino/experiment/result.h"

namespace treino::experiment {

// Whether the contestants of one work did the same: layers, parameters, optimiser and its numbers,
// batch, samples, steps, epochs, precision, shuffle, loss, data, and nearly the same accuracy. Each
// is held against the first that says anything, every run against the contestant's first, and what
// a run's epochs did against what it promised.
Certificate certify(const Result& result, const std::string& work);

// Works in the order of the contestants.
std::vector<std::string> works_of(const Result& result);

}  // namespace treino::experiment
