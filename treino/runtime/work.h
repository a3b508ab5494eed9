// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/runtime/program.h"

namespace treino {

// What a step has to do at least, whatever the algorithm: floating-point operations of its
// definition (a multiply-add is two) and bytes of its operands and results, each once.
struct Work {
  double flops = 0;
  double bytes = 0;
};

Work work_of(const Step& step);

}  // namespace treino
