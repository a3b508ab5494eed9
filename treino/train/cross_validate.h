// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "treino/train/fit.h"

namespace treino::train {

struct CrossValidation {
  std::vector<FitResult> folds;                      // each with its left-out part as the test
  double mean_accuracy = 0, accuracy_deviation = 0;  // over folds; the deviation of a sample, n - 1
  double mean_loss = 0;
  std::string folder;  // of the folds' run folders, fold-1 ...
  int signal = 0;      // that interrupted it, or 0
};

// The set as fold `fold.number` trains and tests on it: training samples less one part, each class
// spread evenly over the parts, and that part as the test.
data::Dataset fold_of(const data::Dataset& all, const Fold& fold, std::uint64_t seed);

// Trains `folds` times on all training samples but one part, each class spread evenly over the
// parts, and tests on that part. What is fitted to data (scale = "standard", class weights) is
// fitted to the part that is trained on. A published test part is left alone. Writes
// options.out/fold-<k> and folds.json. Throws as fit() does.
CrossValidation cross_validate(const nn::Recipe& recipe, const data::Dataset& dataset, int folds,
                               Device& device, const FitOptions& options, Observer& observer);

}  // namespace treino::train
