// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "treino/experiment/result.h"

namespace treino::experiment {

struct CompareOptions {
  double alpha = 0.05;
  double margin = 0.01;  // differences this small do not matter: 0.01 is 1 %
  int resamples = 10000;
  unsigned long long seed = 1;
};

// Paired readings (block k's of a and of b, all above 0) compared by the ratio a / b: the median of
// the blocks' ratios, its BCa interval and the sign-flip test on their logarithms. No verdict yet.
// Throws Error::mistake unless there are as many of a as of b, at least one, all above 0.
Comparison compare_pair(std::span<const double> a, std::span<const double> b,
                        const CompareOptions& options = {});

// Corrects the p-values of a family by Holm and says a verdict of each. `time`: the words are
// faster and slower, else less and more. A winner needs the corrected p below alpha and a 95 %
// interval that leaves 1 out; a difference that lies wholly inside the margin is called equivalent.
void decide(std::span<Comparison> family, bool time, const CompareOptions& options = {});

}  // namespace treino::experiment
