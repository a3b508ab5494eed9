// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace treino::experiment {

// The rows of a run, column by column; NaN where a cell is unknown. Times in seconds since launch.
struct Samples {
  std::vector<double> t;
  std::map<std::string, std::vector<double>, std::less<>> columns;

  const std::vector<double>* find(std::string_view column) const;
  // A counter at time `at`, straight between the rows around it; nothing outside them.
  std::optional<double> counter_at(std::string_view column, double at) const;
  // The largest known value in [from, to]; nothing when there is none.
  std::optional<double> peak(std::string_view column, double from, double to) const;
};

// Reads samples.csv: a header row with `t_s`, then numbers; an empty cell is unknown. Throws
// Error::mistake naming file and line.
Samples read_samples(const std::string& path);

}  // namespace treino::experiment
