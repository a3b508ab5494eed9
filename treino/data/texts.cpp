// SPDX-License-Identifier: Apache-2.0
#include "treino/data/texts.h"

#include <fmt/format.h>

#include "treino/base/error.h"

namespace treino::data {

Texts::Texts(std::vector<std::string> columns, HostBytes memory, std::vector<Cell> cells,
             const std::string& path)
    : columns_(std::move(columns)), memory_(std::move(memory)), cells_(std::move(cells)) {
  const auto size = static_cast<std::int64_t>(memory_.size());
  bool good = !columns_.empty() && cells_.size() % columns_.size() == 0;
  for (const Cell& cell : cells_) {
    good = good && cell.begin >= 0 && cell.length >= 0 && cell.begin <= size &&
           cell.length <= size - cell.begin;
  }
  if (!good) {
    throw Error::mistake(fmt::format("{}: its texts lie outside the file; delete it", path));
  }
}

std::int64_t Texts::rows() const {
  return static_cast<std::int64_t>(cells_.size() / columns_.size());
}

std::string_view Texts::at(std::int64_t row, std::size_t column) const {
  const Cell& cell = cells_[static_cast<std::size_t>(row) * columns_.size() + column];
  return {reinterpret_cast<const char*>(memory_.data()) + cell.begin,
          static_cast<std::size_t>(cell.length)};
}

Texts::Cell Texts::keep(std::string_view text) {
  const Cell cell{static_cast<std::int64_t>(memory_.size()),
                  static_cast<std::int64_t>(text.size())};
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  memory_.insert(memory_.end(), bytes, bytes + text.size());
  return cell;
}

}  // namespace treino::data
