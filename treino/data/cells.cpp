// SPDX-License-Identifier: Apache-2.0
#include "treino/data/cells.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "treino/base/error.h"
#include "treino/base/quote.h"
#include "treino/data/files.h"

namespace treino::data {

namespace {

std::string_view trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\r' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

bool is_tab_separated(const std::string& path) {
  return path.ends_with(".tsv") || path.ends_with(".tsv.gz");
}

char separator_of(std::string_view line, bool tabs) {
  const auto has = [&](char c) { return line.find(c) != line.npos; };
  if (has('\t') && (tabs || !has(','))) return '\t';
  return has(',') ? ',' : has(';') ? ';' : '\t';
}

}  // namespace

CellRows::CellRows(const std::string& path) : path_(path), bytes_(read_maybe_gzip(path)) {
  rest_ = {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  if (rest_.substr(0, 3) == "\xef\xbb\xbf") rest_.remove_prefix(3);  // a byte-order mark
  if (const std::size_t zero = rest_.find('\0'); zero != rest_.npos) {
    throw Error::mistake(
        fmt::format("{}: at byte {}: a zero byte; this is no table of text", path_, zero));
  }
}

bool CellRows::next() {
  while (!rest_.empty()) {
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    ++line_;
    if (trimmed(line).empty()) continue;
    split(line);
    return true;
  }
  return false;
}

void CellRows::fail(const std::string& what) const {
  throw Error::mistake(fmt::format("{}:{}: {}", path_, line_, one_line(what)));
}

void CellRows::split(std::string_view line) {
  if (separator_ == 0) separator_ = separator_of(line, is_tab_separated(path_));
  cells_.clear();
  while (true) {
    const std::size_t start = line.find_first_not_of(" ");
    if (start != line.npos && line[start] == '"') {
      line.remove_prefix(start + 1);
      cells_.push_back(quoted(line));
    } else {
      const std::size_t end = std::min(line.find(separator_), line.size());
      cells_.emplace_back(trimmed(line.substr(0, end)));
      line.remove_prefix(end);
    }
    if (line.empty()) return;
    line.remove_prefix(1);
  }
}

// A cell after its opening quote; `line` goes on at the separator or its end.
std::string CellRows::quoted(std::string_view& line) const {
  std::string cell;
  while (true) {
    const std::size_t quote = line.find('"');
    if (quote == line.npos) fail("a quoted cell has no closing quote on its line");
    cell += line.substr(0, quote);
    line.remove_prefix(quote + 1);
    if (line.empty() || line.front() != '"') break;
    cell += '"';
    line.remove_prefix(1);
  }
  const std::size_t end = std::min(line.find(separator_), line.size());
  if (!trimmed(line.substr(0, end)).empty())
    fail("a quoted cell is followed by more than a separator");
  line.remove_prefix(end);
  return cell;
}

std::optional<double> number_in(std::string_view cell) {
  double value = 0;
  if (cell.size() > 1 && cell.front() == '+') cell.remove_prefix(1);
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc{} || end != cell.data() + cell.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

bool are_words(const std::vector<std::string>& cells) {
  return std::none_of(cells.begin(), cells.end(),
                      [](const std::string& cell) { return number_in(cell).has_value(); });
}

}  // namespace treino::data
