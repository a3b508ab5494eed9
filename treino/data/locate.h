// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "treino/data/catalogue.h"

namespace treino::data {

// $XDG_CACHE_HOME/treino/<name>, else ~/.cache/treino/<name>.
std::string cache_folder(const std::string& name);

// Where a set's files are on this machine: $TREINO_DATA/<name>, the cache, the system's folder.
// `origin` says which one, for people. Empty when nowhere.
struct Place {
  std::string folder;
  std::string origin;
};
Place locate(const Row& row);

}  // namespace treino::data
