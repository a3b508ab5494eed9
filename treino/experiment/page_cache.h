// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace treino::experiment {

// Reads every file below the folders once, so that all contestants find them in memory.
void warm_page_cache(const std::vector<std::string>& folders);

// Asks the kernel to forget every file below the folders (POSIX_FADV_DONTNEED: needs no privilege;
// pages somebody has mapped stay).
void drop_page_cache(const std::vector<std::string>& folders);

}  // namespace treino::experiment
