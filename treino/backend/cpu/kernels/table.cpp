// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cpu/kernels/parts.h"

namespace treino::cpu::TREINO_ISA {

#define TREINO_TEXT_OF(x) #x
#define TREINO_TEXT(x) TREINO_TEXT_OF(x)

const Kernels& table() {
  static const Kernels kernels = [] {
    Kernels all;
    all.name = TREINO_TEXT(TREINO_ISA);
    all.lanes = kLanes;
    add_product(all);
    add_product_skipping(all);
    add_winograd(all);
    add_winograd_narrow(all);
    add_movement(all);
    add_elementwise(all);
    add_elementwise_types(all);
    add_pools(all);
    add_norm(all);
    add_norm_pool(all);
    add_reductions(all);
    add_softmax(all);
    add_dropout(all);
    add_peak(all);
    return all;
  }();
  return kernels;
}

}  // namespace treino::cpu::TREINO_ISA
