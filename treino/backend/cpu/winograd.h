// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/backend/cpu/plan.h"

namespace treino::cpu {

// Plans a 3x3 convolution of stride 1, or one of its gradients, by Winograd: fewer
// than half of the multiplications, at a relative error of a few 1e-6. False where it does not
// apply, or is not chosen. Serves Op::conv2d, conv2d_grad_input and conv2d_grad_kernel.
bool plan_winograd(Planner& planner, const Step& step);

}  // namespace treino::cpu
