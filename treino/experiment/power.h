// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace treino::experiment {

// Probability that `n` pairs show a true difference of `effect` when single differences scatter
// with `deviation`, two-sided at `alpha`: noncentral t.
double power(double effect, double deviation, int n, double alpha);

// The fewest blocks with power of at least `wanted`, and able to reach `alpha` at all under the
// sign-flip test (2 / 2^n < alpha). -1 when a thousand are not enough.
int blocks_needed(double effect, double deviation, double alpha, double wanted = 0.8);

// The fewest blocks in which one of `pairs` pairs can pass Holm's correction at `alpha`.
int least_blocks(int pairs, double alpha = 0.05);

}  // namespace treino::experiment
