// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "treino/data/load.h"

namespace treino::data {

// Which samples a test part of `fraction` takes from each class, drawn by seed: true = test.
// Every class with at least two samples keeps one for training.
std::vector<bool> stratified_choice(const HostTensor& labels, double fraction, std::uint64_t seed);

// The samples where `chosen` equals `wanted`, in order.
Split take(const Split& all, const std::vector<bool>& chosen, bool wanted);

// Makes train and test of an undivided set's samples, as options.test_fraction and options.seed
// say.
void split_off_test(const LoadOptions& options, Dataset& dataset);

// Which of `folds` parts each sample belongs to, as many of each class in each as can be; by seed.
// Throws Error::mistake where a class has fewer samples than there are folds.
std::vector<int> stratified_folds(const HostTensor& labels, int folds, std::uint64_t seed);

}  // namespace treino::data
