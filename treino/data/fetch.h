// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "treino/data/load.h"

namespace treino::data {

struct Fetch {
  std::string address;
  std::string path;
  std::int64_t bytes = 0;  // that it must have; 0: any number
  std::string sha256;      // hex; empty: not compared
  Patience patience;
  Progress* progress = nullptr;
};

// Brings a file over HTTP to `path`; until size and checksum hold it lies beside it as path.part.
// Goes on where an earlier try stopped, this one's cut connections included; starts anew where the
// server cannot do that, or where the pieces do not fit together. Returns an empty string, or what
// went wrong at this address (then another may be tried). Throws Error::work when the disk fails.
std::string fetch(const Fetch& request);

}  // namespace treino::data
