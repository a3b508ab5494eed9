// SPDX-License-Identifier: Apache-2.0
#include "treino/data/locate.h"

#include <fmt/format.h>

#include <cstdlib>

#include "treino/data/files.h"

namespace treino::data {

std::string cache_root() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && cache[0] == '/') return join(cache, "treino");
  const char* home = std::getenv("HOME");
  return join(home != nullptr ? home : "/tmp", ".cache/treino");
}

std::string cache_folder(const std::string& name) {
  return join(cache_root(), name);
}

Place locate(const Row& row) {
  const auto holds = [&](const std::string& folder) {
    return is_folder(folder) && !row.sources(folder).empty();
  };
  const char* data = std::getenv("TREINO_DATA");
  for (const char* name : {row.name, row.alias}) {
    if (data == nullptr || data[0] == '\0' || name[0] == '\0') continue;
    const std::string folder = join(data, name);
    if (holds(folder)) return {folder, fmt::format("{} (TREINO_DATA)", folder)};
  }
  if (const std::string folder = cache_folder(row.name); holds(folder))
    return {folder, fmt::format("{} (cache)", folder)};
  if (row.system_folder[0] != '\0' && holds(row.system_folder)) {
    return {row.system_folder, fmt::format("{} (system package)", row.system_folder)};
  }
  return {};
}

}  // namespace treino::data
