// SPDX-License-Identifier: Apache-2.0
// Which of its candidates serves each heavy op of a program best on this machine, by measurement.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "treino/runtime/device.h"
#include "treino/train/tune_cache.h"

namespace treino::train {

// A candidate must beat the fixed table's by so much to take its place: less is noise.
inline constexpr double kWorthwhile = 0.03;

struct TunedOp {
  std::string op, scope, shape;           // of the first step with this op and shape
  std::vector<CandidateTime> candidates;  // the fixed table's first
  std::string kernel;                     // the winner
  bool known = false;                     // answered by the cache

  double seconds_of(const std::string& kernel) const;
  // How many times as long the next best takes.
  double lead() const;
  // How many times as long the fixed table's takes; 1 where it won.
  double gain() const;
};

struct TuneOptions {
  std::string cache = TuneCache::default_path();  // empty: nothing is read or kept
  bool again = false;                             // measures what is known too
  double seconds = 0.05;                          // of each candidate
  int threads = 0;                                // for the record
  TuneCache::Warn warn = [](const std::string&) {};
};

// Each op and shape once, in the order of the steps; steps without a choice are left out.
std::vector<TunedOp> tune(std::span<const Program* const> programs, Device& device,
                          const TuneOptions& options);

KernelChoices choices_of(const std::vector<TunedOp>& ops, const Device& device);

// The winner of measured times, the fixed table's candidate first.
std::string winner_of(std::span<const CandidateTime> candidates);

std::string to_text(const std::vector<TunedOp>& ops);
std::string to_json(const std::vector<TunedOp>& ops);

}  // namespace treino::train
