// SPDX-License-Identifier: Apache-2.0
// A file of rows of cells: what tables to train on and rows to predict have in common.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "treino/base/host_tensor.h"

namespace treino::data {

// Rows in turn, those without any text passed over. Cells may stand in double quotes, a quote
// inside doubled; blanks around a cell are not part of it. Separator: comma, semicolon or tab,
// found in the first line (in a .tsv file that has one, tab). Plain or gzip, with a byte-order mark
// or without.
class CellRows {
 public:
  // Throws Error for a file that cannot be read or is no text.
  explicit CellRows(const std::string& path);

  // False at the end. Throws Error::mistake with file:line.
  bool next();
  const std::vector<std::string>& cells() const { return cells_; }
  std::size_t line() const { return line_; }  // from 1

  [[noreturn]] void fail(const std::string& what) const;  // at this line

 private:
  void split(std::string_view line);
  std::string quoted(std::string_view& line) const;

  std::string path_;
  HostBytes bytes_;
  std::string_view rest_;
  std::size_t line_ = 0;
  char separator_ = 0;
  std::vector<std::string> cells_;
};

// A finite number that is all of the cell; nothing: it is none.
std::optional<double> number_in(std::string_view cell);
// Whether the cells are names of columns, as far as they tell by themselves: none is a number.
bool are_words(const std::vector<std::string>& cells);

}  // namespace treino::data
