// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace treino::experiment {

enum class Side { both, greater, less };

// Paired sign-flip permutation test of "the mean difference is 0". Every way to flip signs is tried
// up to 20 differences (the p is exact); above that 10,000 drawn ones, the given one among them.
// Source: Fisher, "The design of experiments", 1935, section 21.
double sign_flip_p(std::span<const double> differences, Side side = Side::both,
                   std::uint64_t seed = 1);

// The least two-sided p that `n` pairs can give: 2 / 2^n.
double least_p(int n);

// Holm's step-down correction of a family of p-values, in their order (Scandinavian Journal of
// Statistics 6, 1979).
std::vector<double> holm(std::span<const double> ps);

}  // namespace treino::experiment
