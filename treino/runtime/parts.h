// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "treino/runtime/program.h"

namespace treino {

// The outputs of a fused group of single numbers, each as a step of its own, where they need
// different inputs and none is written over what another reads; else nothing. So a rate does not
// wait for the loss that something else in its group looks at.
std::vector<Step> parts_of(const Step& step);

}  // namespace treino
