// SPDX-License-Identifier: Apache-2.0
// All that is known of oneDNN: its two API generations and its thread pool stay in the .cpp.
#pragma once

namespace treino::cpu::onednn {

// Whether this build has oneDNN.
bool available();

// Once on each thread that runs primitives: they stay on that thread.
void prepare_worker();

}  // namespace treino::cpu::onednn
