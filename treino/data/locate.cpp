// SPDX-License-Identifier: Apache-2.0
#include "treino/data/locate.h"

#include <cstdlib>

#include "treino/data/files.h"

namespace treino::data {

std::string cache_folder(const std::string& name) {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && cache[0] == '/') return join(join(cache, "treino"), name);
  const char* home = std::getenv("HOME");
  return join(join(home != nullptr ? home : "/tmp", ".cache/treino"), name);
}

Place locate(const Row& row) {
  if (const char* data = std::getenv("TREINO_DATA"); data != nullptr && data[0] != '\0') {
    const std::string folder = join(data, row.name);
    if (row.is_in(folder)) return {folder, folder + " (TREINO_DATA)"};
  }
  if (const std::string folder = cache_folder(row.name); row.is_in(folder)) return {folder, folder + " (cache)"};
  if (row.system_folder[0] != '\0' && row.is_in(row.system_folder)) {
    return {row.system_folder, std::string(row.system_folder) + " (system package)"};
  }
  return {};
}

}  // namespace treino::data
