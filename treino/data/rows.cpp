// SPDX-License-Identifier: Apache-2.0
#include "treino/data/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "treino/base/error.h"
#include "treino/data/cells.h"

namespace treino::data {

namespace {

// Which cells of a row are the features, in the network's order.
class Places {
 public:
  explicit Places(const TableColumns& columns) : columns_(columns) {}

  // Looks at the first row; whether it is a header.
  bool begin(const CellRows& rows) {
    const std::vector<std::string>& cells = rows.cells();
    const std::vector<std::string>& names = columns_.names;
    std::vector<std::size_t> found;
    std::string missing;
    for (const std::string& name : names) {
      const auto cell = std::find(cells.begin(), cells.end(), name);
      if (cell == cells.end())
        missing = name;
      else if (std::count(names.begin(), names.end(), name) == 1)
        found.push_back(static_cast<std::size_t>(cell - cells.begin()));
    }
    if (!names.empty() && found.size() == names.size()) {
      by_name_ = found;
      width_ = cells.size();
      return true;
    }
    if (!are_words(cells)) return false;
    if (!found.empty() && !missing.empty()) {
      rows.fail(
          fmt::format("there is no column \"{}\", which the network was trained on", missing));
    }
    return true;
  }

  std::vector<std::size_t> of(const CellRows& rows) const {
    const std::size_t count = rows.cells().size();
    const auto features = static_cast<std::size_t>(columns_.features);
    if (!by_name_.empty()) {
      if (count != width_)
        rows.fail(fmt::format("has {} columns where the first row has {}", count, width_));
      return by_name_;
    }
    if (count != features && count != features + 1)
      rows.fail(fmt::format("has {} columns where the network takes {} numbers", count, features));
    const std::size_t label = count == features    ? count
                              : columns_.label < 0 ? features
                                                   : static_cast<std::size_t>(columns_.label);
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < count; ++i) {
      if (i != label) places.push_back(i);
    }
    return places;
  }

 private:
  const TableColumns& columns_;
  std::vector<std::size_t> by_name_;  // empty: by place
  std::size_t width_ = 0;             // of a table with names
};

}  // namespace

HostTensor read_rows(const std::string& path, const TableColumns& columns) {
  CellRows rows(path);
  Places places(columns);
  std::vector<float> numbers;
  bool begun = false;
  while (rows.next()) {
    if (!begun && places.begin(rows)) {
      begun = true;
      continue;
    }
    begun = true;
    for (const std::size_t place : places.of(rows)) {
      const std::string& cell = rows.cells()[place];
      const auto number = number_in(cell);
      if (!number)
        rows.fail(fmt::format("column {} is \"{}\", not a number", place + 1, cell.substr(0, 60)));
      numbers.push_back(static_cast<float>(*number));
      if (!std::isfinite(numbers.back()))
        rows.fail(fmt::format("column {}: {} is too large", place + 1, cell.substr(0, 60)));
    }
  }
  if (numbers.empty()) throw Error::mistake(fmt::format("{}: holds no rows", path));
  HostTensor tensor(DType::f32, Shape{static_cast<std::int64_t>(numbers.size()) / columns.features,
                                      columns.features});
  std::copy(numbers.begin(), numbers.end(), tensor.as<float>().begin());
  return tensor;
}

}  // namespace treino::data
