// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace treino::cli {

// When main() began, seconds on CLOCK_MONOTONIC. The first call sets it.
double process_start();

}  // namespace treino::cli
