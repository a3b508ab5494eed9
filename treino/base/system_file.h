// SPDX-License-Identifier: Apache-2.0
// What the kernel's text files say ("MemTotal:  24576 kB").
#pragma once

#include <string>
#include <string_view>

namespace treino {

// The value after the first line's `key` and its colon; empty where the file or the key is absent.
std::string value_in(const char* path, std::string_view key);

// "AMD EPYC-Genoa Processor"; empty where the system does not say.
std::string cpu_model();

}  // namespace treino
