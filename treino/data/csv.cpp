// SPDX-License-Identifier: Apache-2.0
#include "treino/data/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "treino/base/error.h"
#include "treino/data/files.h"

namespace treino::data {

namespace {

std::string_view trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\r' || c == '\t' || c == '"'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

class Reader {
 public:
  Reader(const std::string& path, const CsvLayout& layout) : path_(path), layout_(layout), bytes_(read_maybe_gzip(path)) {}

  void read(Dataset& dataset) {
    std::string_view text(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      ++line_;
      if (const std::string_view line = text.substr(0, end); !trimmed(line).empty()) read_line(line);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (names_.empty()) fail("there is no row of data in it");
    finish(dataset);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error::mistake(fmt::format("{}:{}: {}", path_, line_, what));
  }

  std::vector<std::string_view> cells_of(std::string_view line) {
    if (separator_ == 0) {
      separator_ = line.find(',') != line.npos ? ',' : line.find(';') != line.npos ? ';' : '\t';
    }
    std::vector<std::string_view> cells;
    while (true) {
      const std::size_t end = line.find(separator_);
      cells.push_back(trimmed(line.substr(0, end)));
      if (end == line.npos) return cells;
      line.remove_prefix(end + 1);
    }
  }

  // A first row whose feature cells hold no number is a header.
  bool take_header(const std::vector<std::string_view>& cells) {
    if (columns_ != 0) return false;
    columns_ = cells.size();
    if (columns_ < 2) fail("a row needs at least one number and a label");
    label_ = layout_.label_first ? 0 : columns_ - 1;
    const bool has_number = std::any_of(cells.begin(), cells.end(), [](auto cell) { return number(cell).has_value(); });
    if (has_number) return false;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (cells[i] == "label" || cells[i] == "class") label_ = i;
    }
    return true;
  }

  void read_line(std::string_view line) {
    const auto cells = cells_of(line);
    if (take_header(cells)) return;
    if (cells.size() != columns_) fail(fmt::format("{} columns where the first row has {}", cells.size(), columns_));
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (i == label_) continue;
      const auto value = number(cells[i]);
      if (!value) fail(fmt::format("column {}: \"{}\" is not a number", i + 1, cells[i]));
      values_.push_back(static_cast<float>(*value));
    }
    if (cells[label_].empty()) fail("the label is empty");
    names_.emplace_back(cells[label_]);
  }

  void finish(Dataset& dataset) const {
    std::vector<std::string> classes;
    for (const std::string& name : names_) {
      if (std::find(classes.begin(), classes.end(), name) == classes.end()) classes.push_back(name);
    }
    if (std::all_of(classes.begin(), classes.end(), [](const auto& name) { return number(name).has_value(); })) {
      std::sort(classes.begin(), classes.end(), [](const auto& a, const auto& b) { return *number(a) < *number(b); });
    }
    const auto rows = static_cast<std::int64_t>(names_.size());
    auto samples = std::make_shared<HostTensor>(DType::f32, Shape{rows, static_cast<std::int64_t>(columns_) - 1});
    std::copy(values_.begin(), values_.end(), samples->as<float>().begin());
    auto labels = std::make_shared<HostTensor>(DType::i32, Shape{rows});
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const auto it = std::find(classes.begin(), classes.end(), names_[i]);
      labels->as<std::int32_t>()[i] = static_cast<std::int32_t>(it - classes.begin());
    }
    dataset.classes = std::move(classes);
    dataset.train = {samples, labels};
  }

  std::string path_;
  CsvLayout layout_;
  std::vector<std::byte> bytes_;
  std::size_t line_ = 0, columns_ = 0, label_ = 0;
  char separator_ = 0;
  std::vector<float> values_;
  std::vector<std::string> names_;
};

}  // namespace

void read_csv(const std::string& path, const CsvLayout& layout, Dataset& dataset) { Reader(path, layout).read(dataset); }

}  // namespace treino::data
