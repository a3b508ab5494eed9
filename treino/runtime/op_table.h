// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>

#include "treino/graph/op.h"

namespace treino {

// What a backend has for one op.
template <typename Function>
struct OpRow {
  Op op;
  Function function;
};

// A backend's functions by op: the rows', and `elementwise` for every elementwise op.
template <typename Function, std::size_t Rows>
constexpr std::array<Function, kOpCount> op_table(const OpRow<Function> (&rows)[Rows],
                                                  Function elementwise) {
  std::array<Function, kOpCount> table{};
  for (int i = 0; i < kOpCount; ++i) {
    if (info(static_cast<Op>(i)).kind == OpKind::elementwise)
      table[static_cast<std::size_t>(i)] = elementwise;
  }
  for (const OpRow<Function>& row : rows) table[static_cast<std::size_t>(row.op)] = row.function;
  return table;
}

template <typename Function>
constexpr bool is_complete(const std::array<Function, kOpCount>& table) {
  return std::find(table.begin(), table.end(), nullptr) == table.end();
}

}  // namespace treino
