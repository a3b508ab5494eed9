// SPDX-License-Identifier: Apache-2.0
// How much of a step a device that launches kernels can be at work at all.
#pragma once

#include <span>

#include "treino/runtime/device.h"

namespace treino::train {

// Work of a launch is what it takes beyond one that does nothing. Launches that need each other
// cannot be at work together, so that the device is for `chain` at least; it is for `work` at most.
struct Idle {
  int launches = 0;
  int longest = 0;   // launches one after the other, each needing the one before
  double alone = 0;  // seconds of all, one by one
  double work = 0;   // of all
  double chain = 0;  // of the chain with the most of it
  double least = 0, most = 0;  // shares of the step without work
};

// `empty`: what a launch that does nothing takes.
Idle idle_of(double step_seconds, std::span<const LaunchTime> launches, double empty);

}  // namespace treino::train
