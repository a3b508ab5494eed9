// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

namespace treino::monitor {

// How long rows took to read, in a fixed number of bins a twelfth apart: bounded for any run.
class TickCost {
 public:
  void add(double seconds);
  // The time below which `share` of the rows stayed, rounded up to its bin; 0 without rows.
  double quantile(double share) const;

 private:
  static constexpr int kBins = 240;
  std::array<std::int64_t, kBins> bins_{};
  std::int64_t count_ = 0;
};

}  // namespace treino::monitor
