// SPDX-License-Identifier: Apache-2.0
// Where a step of training has no derivative: a network at such a point may rightly be pushed to
// either side by the last digit of an fp32 number, and two right devices differ.
#pragma once

#include <string>

#include "treino/runtime/device.h"

namespace treino::conformance {

// Adds to a step's graph assigns "probe.<n>" of all that its kinks depend on (operands of relu,
// abs, max, comparisons, pools, argmax), so that a run shows them.
class KinkProbes {
 public:
  explicit KinkProbes(Graph& graph);

  // The narrowest contest of the last run, as a share of its tensor's root mean square; infinite
  // without kinks. A tie of two zeros (after relu or dropout) is none: every device has it alike.
  double narrowest(const Store& store) const;

 private:
  enum class Contest { with_zero, with_each_other, in_windows, in_rows };
  struct Probe {
    Contest contest;
    std::string first, second;  // variables
    WindowAttributes window;
  };
  std::vector<Probe> probes_;
};

}  // namespace treino::conformance
