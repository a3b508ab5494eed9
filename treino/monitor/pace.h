// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace treino::monitor {

// When a costly reading is next worth its price. All that the readings cost stays below a share of
// the time that passed and a credit, whatever one of them costs. The first two come early and in
// any case, so that a run of half a second has some; further early ones while what is read grows,
// for its peak.
class Pace {
 public:
  static constexpr double kShare = 0.0015;        // of one core
  static constexpr double kCredit = 0.010;        // CPU seconds
  static constexpr double kGrowthCredit = 0.060;  // CPU seconds, for what grows
  static constexpr double kHeldCredit = 0.120;    // CPU seconds, for what has grown and now holds
  static constexpr double kGrown = 1.02;          // since the last pass, and now it holds
  static constexpr double kGrowing = 1.5;         // since the last pass, and it goes on
  static constexpr double kFirst = 0.025;         // seconds after the start
  static constexpr double kSteady = 1.0;          // at most so often, later on

  // At `t` seconds after the start; `size` is a cheap measure of what would be read.
  bool due(double t, double size);
  // A pass over something of that size ended at `t` and cost `cpu_s`.
  void done(double t, double cpu_s, double size);
  int passes() const { return passes_; }
  double spent() const { return spent_; }

 private:
  double next_ = kFirst, spent_ = 0;
  double last_ = 0, cost_ = 0, size_ = 0;  // of the last pass
  double seen_ = 0;                        // size when last asked
  int passes_ = 0;
};

}  // namespace treino::monitor
