// SPDX-License-Identifier: Apache-2.0
// Each file of this folder fills in its part of the table of one instruction set.
#pragma once

#include "treino/backend/cpu/kernels.h"
#include "treino/backend/cpu/kernels/simd.h"

namespace treino::cpu::TREINO_ISA {

void add_product(Kernels& kernels);
void add_product_skipping(Kernels& kernels);
void add_winograd(Kernels& kernels);
void add_winograd_narrow(Kernels& kernels);
void add_movement(Kernels& kernels);
void add_elementwise(Kernels& kernels);
void add_elementwise_types(Kernels& kernels);
void add_pools(Kernels& kernels);
void add_norm(Kernels& kernels);
void add_norm_pool(Kernels& kernels);
void add_reductions(Kernels& kernels);
void add_softmax(Kernels& kernels);
void add_dropout(Kernels& kernels);
void add_peak(Kernels& kernels);

const Kernels& table();

}  // namespace treino::cpu::TREINO_ISA
