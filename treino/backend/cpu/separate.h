// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/runtime/program.h"

namespace treino::cpu {

// Gives every arena tensor of at most `most_bytes` a place of its own. The memory plan lets tensors
// share memory; on a team of threads that makes steps wait for each other that have nothing else in
// common. For small tensors the memory is cheaper than the wait.
Program separate_small_tensors(const Program& program, std::int64_t most_bytes);

}  // namespace treino::cpu
