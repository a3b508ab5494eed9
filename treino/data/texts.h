// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "treino/base/host_bytes.h"

namespace treino::data {

// Rows of text (UTF-8) under named columns, all in one piece of memory. Cells of several rows may
// be the same text, as a paragraph with many questions is.
class Texts {
 public:
  struct Cell {
    std::int64_t begin = 0, length = 0;  // bytes of memory()
  };

  Texts() = default;
  explicit Texts(std::vector<std::string> columns) : columns_(std::move(columns)) {}
  // Throws Error::mistake naming `path` where a cell lies outside the memory.
  Texts(std::vector<std::string> columns, HostBytes memory, std::vector<Cell> cells,
        const std::string& path);

  const std::vector<std::string>& columns() const { return columns_; }
  std::int64_t rows() const;
  std::string_view at(std::int64_t row, std::size_t column = 0) const;

  // Keeps a text and says where it lies.
  Cell keep(std::string_view text);
  // The next row's cells, in order of the columns.
  void add(std::initializer_list<Cell> row) { cells_.insert(cells_.end(), row); }
  void add(std::string_view text) { cells_.push_back(keep(text)); }  // of a set with one column

  const HostBytes& memory() const { return memory_; }
  const std::vector<Cell>& cells() const { return cells_; }

 private:
  std::vector<std::string> columns_{"text"};
  HostBytes memory_;
  std::vector<Cell> cells_;  // row by row
};

}  // namespace treino::data
