// SPDX-License-Identifier: Apache-2.0
// What a program makes of its parameters alone (a batch norm's scale and shift in prediction, say)
// is the same at every run until somebody writes a parameter.
#pragma once

#include <vector>

#include "treino/runtime/program.h"

namespace treino::cpu {

struct Kept {
  Program program;             // the variables after those of the original hold what is kept
  std::vector<bool> steps;     // those that make what is kept
  std::vector<bool> constant;  // variables the program does not write, and those it keeps
};

// Moves the results of steps that read nothing but parameters, statistics and such results out of
// the arena, to variables of their own. Larger ones than what they are made of stay where they are,
// small ones apart.
Kept keep_constants(const Program& program);

}  // namespace treino::cpu
