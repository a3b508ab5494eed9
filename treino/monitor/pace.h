// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace treino::monitor {

// When a costly reading is next worth its price. All it has cost stays below a share of the time
// that passed and a small credit, whatever one pass costs; the first two come early and in any
// case, so that a run of half a second has some.
class Pace {
 public:
  static constexpr double kShare = 0.002;   // of one core
  static constexpr double kCredit = 0.010;  // CPU seconds
  static constexpr double kFirst = 0.025;   // seconds after the start
  static constexpr double kSteady = 1.0;    // at most so often, later on

  // Seconds after the start at which the next pass is due.
  double next() const { return next_; }
  // A pass ended at `t` and cost `cpu_s`.
  void done(double t, double cpu_s);
  int passes() const { return passes_; }
  double spent() const { return spent_; }

 private:
  double next_ = kFirst, spent_ = 0;
  int passes_ = 0;
};

}  // namespace treino::monitor
