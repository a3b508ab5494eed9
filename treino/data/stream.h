// SPDX-License-Identifier: Apache-2.0
// Sets larger than the memory: samples stay in an indexed file, labels are in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "treino/data/dataset.h"

namespace treino::data {

// Whether the set at `path` can be streamed: a .safetensors file with train.samples and
// train.labels (or x_train and y_train), as the cache's index files have.
bool can_stream(const std::string& path);

// Its samples as Split::file. Labels are checked as a resident set's are; a test part is
// test.samples and test.labels (or x_test, y_test), where there. Throws Error::mistake naming file
// and tensor.
Dataset open_stream(const std::string& path);

// Bytes of the file's samples, and what this process may still use: the system's available memory,
// cut to its control group's limit.
std::int64_t sample_bytes(const std::string& path);
std::int64_t available_memory();

// Shows a split's samples in order, piece by piece; a resident split's all at once.
void for_each_piece(const Split& split, const std::function<void(const HostTensor&)>& look);

}  // namespace treino::data
