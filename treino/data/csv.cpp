// SPDX-License-Identifier: Apache-2.0
#include "treino/data/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "treino/base/suggest.h"
#include "treino/data/cells.h"

namespace treino::data {

namespace {

class Reader {
 public:
  Reader(const std::string& path, const CsvLayout& layout)
      : rows_(path), layout_(layout), columns_(layout.columns) {}

  void read(Dataset& dataset) {
    while (rows_.next()) {
      if (begun_ || !begin()) read_row();
    }
    if (labels_.empty()) rows_.fail("there is no row of data in it");
    finish(dataset);
  }

 private:
  // Settles columns and label by the first row; true when that row is a header, which it is when no
  // cell of it is a number or one names the label.
  bool begin() {
    const std::vector<std::string>& cells = rows_.cells();
    begun_ = true;
    if (columns_ == 0) columns_ = cells.size();
    if (columns_ < 2) rows_.fail("a row needs at least one number and a label");
    label_ = layout_.label_first ? 0 : columns_ - 1;
    const auto names_label = [&](const std::string& cell) {
      return layout_.label.empty() ? cell == "label" || cell == "class" : cell == layout_.label;
    };
    const auto found = std::find_if(cells.begin(), cells.end(), names_label);
    if (found == cells.end() && !layout_.label.empty()) {
      const std::vector<std::string_view> names(cells.begin(), cells.end());
      rows_.fail(fmt::format("there is no column \"{}\" for the label{}", layout_.label,
                             suggestion(layout_.label, names)));
    }
    if (cells.size() != columns_ || (found == cells.end() && !are_words(cells))) return false;
    if (found != cells.end()) label_ = static_cast<std::size_t>(found - cells.begin());
    features_ = cells;
    features_.erase(features_.begin() + static_cast<std::ptrdiff_t>(label_));
    return true;
  }

  void read_row() {
    const std::vector<std::string>& cells = rows_.cells();
    if (cells.size() != columns_) {
      rows_.fail(fmt::format("{} columns where {} {}", cells.size(),
                             layout_.columns > 0 ? "each row has" : "the first row has", columns_));
    }
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (i == label_) continue;
      const auto value = number_in(cells[i]);
      if (!value) {
        rows_.fail(fmt::format(
            "column {}: \"{}\" is not a number{}", i + 1, cells[i].substr(0, 60),
            labels_.empty() && features_.empty()
                ? "; if the row holds the columns' names, say which is the label's with input.label"
                : ""));
      }
      values_.push_back(static_cast<float>(*value));
      if (!std::isfinite(values_.back()))
        rows_.fail(fmt::format("column {}: {} is too large", i + 1, cells[i].substr(0, 60)));
    }
    const std::string& label = cells[label_];
    if (label.empty()) rows_.fail("the label is empty");
    const auto [place, is_new] =
        numbers_.emplace(label, static_cast<std::int32_t>(numbers_.size()));
    if (is_new) names_by_number_.push_back(label);
    if (layout_.most_classes > 0 && static_cast<int>(numbers_.size()) > layout_.most_classes) {
      rows_.fail(fmt::format("label \"{}\" is one too many: the set has {} classes",
                             label.substr(0, 60), layout_.most_classes));
    }
    labels_.push_back(place->second);
  }

  void finish(Dataset& dataset) const {
    std::vector<std::string> classes = names_by_number_;
    if (std::all_of(classes.begin(), classes.end(),
                    [](const auto& name) { return number_in(name).has_value(); })) {
      std::sort(classes.begin(), classes.end(),
                [](const auto& a, const auto& b) { return *number_in(a) < *number_in(b); });
    }
    std::vector<std::int32_t> rank(classes.size());
    for (std::size_t i = 0; i < classes.size(); ++i) {
      rank[static_cast<std::size_t>(numbers_.at(classes[i]))] = static_cast<std::int32_t>(i);
    }
    const auto rows = static_cast<std::int64_t>(labels_.size());
    auto samples = std::make_shared<HostTensor>(
        DType::f32, Shape{rows, static_cast<std::int64_t>(columns_) - 1});
    std::copy(values_.begin(), values_.end(), samples->as<float>().begin());
    auto labels = std::make_shared<HostTensor>(DType::i32, Shape{rows});
    for (std::size_t i = 0; i < labels_.size(); ++i)
      labels->as<std::int32_t>()[i] = rank[static_cast<std::size_t>(labels_[i])];
    dataset.classes = std::move(classes);
    dataset.features = features_;
    dataset.label_column = static_cast<std::int64_t>(label_);
    dataset.train = {samples, labels, nullptr};
  }

  CellRows rows_;
  const CsvLayout& layout_;
  bool begun_ = false;
  std::size_t columns_ = 0, label_ = 0;
  std::vector<std::string> features_;
  std::vector<float> values_;
  std::map<std::string, std::int32_t> numbers_;  // of the labels, in order of appearance
  std::vector<std::string> names_by_number_;
  std::vector<std::int32_t> labels_;
};

}  // namespace

void read_csv(const std::string& path, const CsvLayout& layout, Dataset& dataset) {
  Reader(path, layout).read(dataset);
}

}  // namespace treino::data
