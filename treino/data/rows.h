// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "treino/base/host_tensor.h"

namespace treino::data {

// The columns of a table that a network was trained on.
struct TableColumns {
  std::int64_t features = 0;       // how many
  std::vector<std::string> names;  // of them, where they are known
  std::int64_t label = -1;         // where the label stood among all columns; -1: last
};

// The rows of a table's file (cells.h) as samples to predict: f32 [rows, features]. Where a header
// has the names of the training's columns they are found by name, whatever stands beside them; else
// by place, and in a row with a column more than features the label's is left out. A first row
// without any number is a header. Throws Error::mistake with file:line.
HostTensor read_rows(const std::string& path, const TableColumns& columns);

}  // namespace treino::data
