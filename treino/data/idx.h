// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "treino/data/dataset.h"

namespace treino::data {

// The IDX files of MNIST and its kin (big-endian; u32 magic 0x0803: count, rows, columns, pixels;
// 0x0801: count, labels), plain or gzip. `stem` is "train" or "t10k".

// The two files of a part, images first; empty unless both are there.
std::vector<std::string> idx_files(const std::string& folder, const std::string& stem);
// Fills train and, where its files are there, test. Samples u8 [n, rows, columns, 1]. Throws
// Error::mistake naming file and offset.
void read_idx_set(const std::string& folder, int classes, Dataset& dataset);

}  // namespace treino::data
