// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "treino/data/dataset.h"

namespace treino::data {

// The IDX files of MNIST and its kin (big-endian; u32 magic 0x0803: count, rows, columns, pixels;
// 0x0801: count, labels), plain or gzip. `stem` is "train" or "t10k".

bool has_idx(const std::string& folder, const std::string& stem);
// Samples u8 [n, rows, columns, 1]. Throws Error::mistake naming file and offset.
Split read_idx(const std::string& folder, const std::string& stem, int classes);

}  // namespace treino::data
