// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "treino/data/dataset.h"

namespace treino::data {

// Which samples a test part of `fraction` takes from each class, drawn by seed: true = test.
// Every class with at least two samples keeps one for training.
std::vector<bool> stratified_choice(const HostTensor& labels, double fraction, std::uint64_t seed);

// The samples where `chosen` equals `wanted`, in order.
Split take(const Split& all, const std::vector<bool>& chosen, bool wanted);

}  // namespace treino::data
