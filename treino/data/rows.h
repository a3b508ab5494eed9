// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "treino/base/host_tensor.h"

namespace treino::data {

// The rows of a .csv or .tsv file as samples to predict: f32 [rows, features]. A first line of
// words is a header; a column more than `features` is taken for a label and left out. Separator:
// comma, semicolon or tab. Throws Error::mistake with file:line.
HostTensor read_rows(const std::string& path, std::int64_t features);

}  // namespace treino::data
