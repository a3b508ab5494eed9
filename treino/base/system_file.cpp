// SPDX-License-Identifier: Apache-2.0
#include "treino/base/system_file.h"

#include <fstream>

namespace treino {

std::string value_in(const char* path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(key, 0) != 0) continue;
    const std::size_t colon = line.find(':', key.size());
    if (colon == line.npos || line.find_first_not_of(" \t", key.size()) != colon) continue;
    const std::size_t start = line.find_first_not_of(" \t", colon + 1);
    return start == line.npos ? "" : line.substr(start);
  }
  return {};
}

std::string cpu_model() {
  return value_in("/proc/cpuinfo", "model name");
}

}  // namespace treino
