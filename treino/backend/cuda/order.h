// SPDX-License-Identifier: Apache-2.0
// Which launches must be done before which: what one step writes and another touches stays in the
// program's order, all else may run side by side.
#pragma once

#include <span>
#include <vector>

#include "treino/backend/cuda/plan.h"

namespace treino::cuda {

class Order {
 public:
  // Fills in `after` of the launches of the unit that was planned last. They follow one another.
  void add(const Planner& planner, const Unit& unit, std::span<Launch> launches);

 private:
  struct Bytes {
    Address begin, end;
  };
  struct Done {
    std::vector<Bytes> reads, writes;
    int last;                   // launch
    std::vector<bool> follows;  // which earlier steps are done before it
  };
  static bool overlap(const std::vector<Bytes>& a, const std::vector<Bytes>& b);

  std::vector<Done> steps_;
  int launches_ = 0;
};

}  // namespace treino::cuda
