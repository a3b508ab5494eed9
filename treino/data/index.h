// SPDX-License-Identifier: Apache-2.0
// Decoded sets kept in the cache, as safetensors files: one read instead of unpacking and decoding.
#pragma once

#include <string>
#include <vector>

#include "treino/data/load.h"

namespace treino::data {

// What a decoded set was made from. `identity` names the set and the options that shape it;
// `sources` are the files it was read from, which must not have changed since.
struct IndexKey {
  std::string folder;  // of the index file
  std::string identity;
  std::vector<std::string> sources;
};

std::string index_path(const IndexKey& key);

// Fills the dataset, all but its name and origin; false when there is no index of this key.
bool read_index(const IndexKey& key, Dataset& dataset);
// Writes one where it pays (large sets) and can be done; sets dataset.sha256 of a divided set then.
// A cache that cannot be written is no error: the set is there.
void write_index(const IndexKey& key, Dataset& dataset);

}  // namespace treino::data
