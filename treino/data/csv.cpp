// SPDX-License-Identifier: Apache-2.0
#include "treino/data/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>

#include "treino/base/error.h"
#include "treino/base/quote.h"
#include "treino/base/suggest.h"
#include "treino/data/files.h"

namespace treino::data {

namespace {

std::string_view trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\r' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  if (text.size() > 1 && text.front() == '+') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

class Reader {
 public:
  Reader(const std::string& path, const CsvLayout& layout)
      : path_(path), layout_(layout), bytes_(read_maybe_gzip(path)), columns_(layout.columns) {}

  void read(Dataset& dataset) {
    std::string_view text(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
    if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);  // a byte-order mark
    if (const std::size_t zero = text.find('\0'); zero != text.npos) {
      throw Error::mistake(
          fmt::format("{}: at byte {}: a zero byte; this is no table of text", path_, zero));
    }
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      ++line_;
      if (const std::string_view line = text.substr(0, end); !trimmed(line).empty())
        read_line(line);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (names_.empty()) fail("there is no row of data in it");
    finish(dataset);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error::mistake(fmt::format("{}:{}: {}", path_, line_, one_line(what)));
  }

  void split_cells(std::string_view line) {
    if (separator_ == 0) {
      separator_ = line.find('\t') != line.npos && line.find(',') == line.npos ? '\t'
                   : line.find(',') != line.npos                               ? ','
                   : line.find(';') != line.npos                               ? ';'
                                                                               : '\t';
    }
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
  std::string quoted(std::string_view& line) const {
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

  // Settles columns and label by the first row; true when that row is a header, which it is when no
  // cell of it is a number.
  bool begin() {
    begun_ = true;
    if (columns_ == 0) columns_ = cells_.size();
    if (columns_ < 2) fail("a row needs at least one number and a label");
    label_ = layout_.label_first ? 0 : columns_ - 1;
    const bool has_number = std::any_of(cells_.begin(), cells_.end(),
                                        [](const auto& cell) { return number(cell).has_value(); });
    if (layout_.label.empty() && has_number) return false;
    if (cells_.size() != columns_) return false;
    if (!layout_.label.empty()) {
      const auto found = std::find(cells_.begin(), cells_.end(), layout_.label);
      if (found == cells_.end()) {
        const std::vector<std::string_view> names(cells_.begin(), cells_.end());
        fail(fmt::format("there is no column \"{}\" for the label{}", layout_.label,
                         suggestion(layout_.label, names)));
      }
      label_ = static_cast<std::size_t>(found - cells_.begin());
    } else {
      for (std::size_t i = 0; i < cells_.size(); ++i) {
        if (cells_[i] == "label" || cells_[i] == "class") label_ = i;
      }
    }
    features_ = cells_;
    features_.erase(features_.begin() + static_cast<std::ptrdiff_t>(label_));
    return true;
  }

  void read_line(std::string_view line) {
    split_cells(line);
    if (!begun_ && begin()) return;
    if (cells_.size() != columns_) {
      fail(fmt::format("{} columns where {} {}", cells_.size(),
                       layout_.columns > 0 ? "each row has" : "the first row has", columns_));
    }
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      if (i == label_) continue;
      const auto value = number(cells_[i]);
      if (!value)
        fail(fmt::format("column {}: \"{}\" is not a number", i + 1, cells_[i].substr(0, 60)));
      values_.push_back(static_cast<float>(*value));
      if (!std::isfinite(values_.back()))
        fail(fmt::format("column {}: {} is too large", i + 1, cells_[i].substr(0, 60)));
    }
    if (cells_[label_].empty()) fail("the label is empty");
    const auto [place, is_new] =
        numbers_.emplace(cells_[label_], static_cast<std::int32_t>(numbers_.size()));
    if (is_new) names_by_number_.push_back(cells_[label_]);
    if (layout_.most_classes > 0 && static_cast<int>(numbers_.size()) > layout_.most_classes) {
      fail(fmt::format("label \"{}\" is one too many: the set has {} classes",
                       cells_[label_].substr(0, 60), layout_.most_classes));
    }
    names_.push_back(place->second);
  }

  void finish(Dataset& dataset) const {
    std::vector<std::string> classes = names_by_number_;
    if (std::all_of(classes.begin(), classes.end(),
                    [](const auto& name) { return number(name).has_value(); })) {
      std::sort(classes.begin(), classes.end(),
                [](const auto& a, const auto& b) { return *number(a) < *number(b); });
    }
    std::vector<std::int32_t> rank(classes.size());
    for (std::size_t i = 0; i < classes.size(); ++i) {
      rank[static_cast<std::size_t>(numbers_.at(classes[i]))] = static_cast<std::int32_t>(i);
    }
    const auto rows = static_cast<std::int64_t>(names_.size());
    auto samples = std::make_shared<HostTensor>(
        DType::f32, Shape{rows, static_cast<std::int64_t>(columns_) - 1});
    std::copy(values_.begin(), values_.end(), samples->as<float>().begin());
    auto labels = std::make_shared<HostTensor>(DType::i32, Shape{rows});
    for (std::size_t i = 0; i < names_.size(); ++i)
      labels->as<std::int32_t>()[i] = rank[static_cast<std::size_t>(names_[i])];
    dataset.classes = std::move(classes);
    dataset.features = features_;
    dataset.train = {samples, labels, nullptr};
  }

  std::string path_;
  const CsvLayout& layout_;
  HostBytes bytes_;
  bool begun_ = false;
  std::size_t line_ = 0, columns_ = 0, label_ = 0;
  char separator_ = 0;
  std::vector<std::string> cells_, features_;
  std::vector<float> values_;
  std::map<std::string, std::int32_t> numbers_;  // of the labels, in order of appearance
  std::vector<std::string> names_by_number_;
  std::vector<std::int32_t> names_;
};

}  // namespace

void read_csv(const std::string& path, const CsvLayout& layout, Dataset& dataset) {
  Reader(path, layout).read(dataset);
}

}  // namespace treino::data
