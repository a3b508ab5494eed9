// SPDX-License-Identifier: Apache-2.0
// Which launches must be done before which: what one writes and another touches stays in the
// program's order, all else may run side by side, steps that follow one another too.
#pragma once

#include <span>
#include <vector>

#include "treino/backend/cuda/plan.h"

namespace treino::cuda {

// The launches of so many steps of a program, each with those that must be done before it. Its
// plans differ in their places alone, and the steps take them in turn.
std::vector<Launch> in_a_row(std::span<const Plan> plans, int steps);

// How many steps of so many launches share a graph. The way from one graph to the next takes the
// GPU some microseconds more than the way inside one, and a large graph takes long to make.
int steps_of_a_graph(std::size_t launches);

// How many arenas of so many bytes they take in turn. With one, the first launches of a step wait
// for the last ones of the step before, which read what the first ones write; with two only where
// that costs little memory.
int arenas_of_a_graph(int steps, std::int64_t bytes);

}  // namespace treino::cuda
