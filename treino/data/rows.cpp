// SPDX-License-Identifier: Apache-2.0
#include "treino/data/rows.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

#include "treino/base/error.h"
#include "treino/base/file.h"

namespace treino::data {

namespace {

char separator_of(std::string_view line) {
  for (char c : {'\t', ';', ','}) {
    if (line.find(c) != line.npos) return c;
  }
  return ',';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '"')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '"' || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  return text;
}

std::vector<std::string_view> cells_of(std::string_view line, char separator) {
  std::vector<std::string_view> cells;
  for (std::size_t start = 0;;) {
    const std::size_t end = line.find(separator, start);
    cells.push_back(trimmed(line.substr(start, end - start)));
    if (end == line.npos) return cells;
    start = end + 1;
  }
}

std::optional<float> number_of(std::string_view cell) {
  if (!cell.empty() && cell.front() == '+') cell.remove_prefix(1);
  float value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc() || end != cell.data() + cell.size()) return std::nullopt;
  return value;
}

}  // namespace

HostTensor read_rows(const std::string& path, std::int64_t features) {
  const std::string text = read_whole_file(path);
  std::vector<float> numbers;
  std::int64_t line_number = 0, rows = 0;
  char separator = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = trimmed(rest.substr(0, end));
    rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    ++line_number;
    if (line.empty()) continue;
    if (separator == 0) separator = separator_of(line);
    const auto cells = cells_of(line, separator);
    const auto count = static_cast<std::int64_t>(cells.size());
    if (count != features && count != features + 1) {
      throw Error::mistake(fmt::format("{}:{}: has {} columns where the network takes {} numbers",
                                       path, line_number, count, features));
    }
    if (line_number == 1 && !number_of(cells[0])) continue;  // a header
    for (std::int64_t i = 0; i < features; ++i) {
      const auto number = number_of(cells[static_cast<std::size_t>(i)]);
      if (!number) {
        throw Error::mistake(fmt::format("{}:{}: column {} is \"{}\", not a number", path,
                                         line_number, i + 1, cells[static_cast<std::size_t>(i)]));
      }
      numbers.push_back(*number);
    }
    ++rows;
  }
  if (rows == 0) throw Error::mistake(fmt::format("{}: holds no rows", path));
  HostTensor tensor(DType::f32, Shape{rows, features});
  std::copy(numbers.begin(), numbers.end(), tensor.as<float>().begin());
  return tensor;
}

}  // namespace treino::data
