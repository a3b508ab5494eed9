// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "treino/base/error.h"
#include "treino/base/file.h"

namespace treino::experiment {

const std::vector<double>* Samples::find(std::string_view column) const {
  const auto found = columns.find(column);
  return found == columns.end() ? nullptr : &found->second;
}

std::optional<double> Samples::counter_at(std::string_view column, double at) const {
  const std::vector<double>* values = find(column);
  if (values == nullptr) return std::nullopt;
  double before_t = 0, before = 0;  // a counter is 0 at launch
  for (std::size_t i = 0; i < t.size(); ++i) {
    if (std::isnan((*values)[i])) continue;
    if (t[i] >= at) {
      const double share = t[i] > before_t ? (at - before_t) / (t[i] - before_t) : 1;
      return std::lerp(before, (*values)[i], std::max(0.0, share));
    }
    before_t = t[i];
    before = (*values)[i];
  }
  return std::nullopt;
}

std::optional<double> Samples::peak(std::string_view column, double from, double to) const {
  const std::vector<double>* values = find(column);
  std::optional<double> most;
  if (values == nullptr) return most;
  for (std::size_t i = 0; i < t.size(); ++i) {
    if (t[i] < from || t[i] > to || std::isnan((*values)[i])) continue;
    most = std::max(most.value_or((*values)[i]), (*values)[i]);
  }
  return most;
}

namespace {

std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> cells;
  while (true) {
    const std::size_t comma = line.find(',');
    cells.push_back(line.substr(0, comma));
    if (comma == line.npos) return cells;
    line.remove_prefix(comma + 1);
  }
}

double number_of(std::string_view cell) {
  double value = 0;
  const auto [rest, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  const bool whole = error == std::errc() && rest == cell.data() + cell.size();
  return whole ? value : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

Samples read_samples(const std::string& path) {
  const std::string text = read_whole_file(path);
  Samples samples;
  std::vector<std::string> names;
  std::size_t start = 0;
  for (int number = 1; start < text.size(); ++number) {
    const std::size_t end = text.find('\n', start);
    if (end == text.npos) break;  // a writer that was killed
    const std::string_view line = std::string_view(text).substr(start, end - start);
    start = end + 1;
    if (line.empty() || line.front() == '#') continue;
    const std::vector<std::string_view> cells = cells_of(line);
    if (names.empty()) {
      names.assign(cells.begin(), cells.end());
      if (names.front() != "t_s") {
        throw Error::mistake(fmt::format("{}:{}: the first column must be t_s", path, number));
      }
      continue;
    }
    if (cells.size() != names.size()) {
      throw Error::mistake(fmt::format("{}:{}: has {} cells, the header {}", path, number,
                                       cells.size(), names.size()));
    }
    const double t = number_of(cells.front());
    if (std::isnan(t) || (!samples.t.empty() && t < samples.t.back())) {
      throw Error::mistake(
          fmt::format("{}:{}: t_s must be a time not before the row above", path, number));
    }
    samples.t.push_back(t);
    for (std::size_t i = 1; i < cells.size(); ++i) {
      samples.columns[names[i]].push_back(number_of(cells[i]));
    }
  }
  return samples;
}

}  // namespace treino::experiment
