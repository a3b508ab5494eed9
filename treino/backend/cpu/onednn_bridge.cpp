// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cpu/onednn_bridge.h"

namespace treino::cpu::onednn {

bool available() { return false; }
void prepare_worker() {}

}  // namespace treino::cpu::onednn
