// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace treino::experiment {

struct Metric {
  std::string_view name;   // as in result.json
  std::string_view label;  // for people
  std::string_view unit;
  bool time;      // faster and slower; else less and more
  bool compared;  // else only shown
  int decimals;
};

// In the order of tables.
std::span<const Metric> metrics();
const Metric* find_metric(std::string_view name);

}  // namespace treino::experiment
