// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "treino/data/catalogue.h"

namespace treino::data {

// <cache root>/<name>.
std::string cache_folder(const std::string& name);

// Where a set's files are on this machine: $TREINO_DATA/<name or alias>, the cache, the system's
// folder. `origin` says which one, for people. Empty when nowhere.
struct Place {
  std::string folder;
  std::string origin;
};
Place locate(const Row& row);

}  // namespace treino::data
