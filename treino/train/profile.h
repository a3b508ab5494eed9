// SPDX-License-Identifier: Apache-2.0
// Where a recipe's training step spends its time, op by op, against what the machine can do.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "treino/nn/recipe.h"
#include "treino/runtime/device.h"
#include "treino/train/tune.h"

namespace treino::train {

struct OpProfile {
  std::string op, scope, shapes,
      kernel;                   // "conv2d", "conv2d_1", "[32, 32, 32, 3] ...", "own avx512"
  std::string key;              // shape_key(): what TunedOp::shape says
  double seconds = 0;           // best of the repetitions, run by itself
  double flops = 0, bytes = 0;  // of its definition, see runtime/work.h
};

struct StepProfile {
  std::string name;
  std::int64_t batch = 0;
  double step_seconds = 0;         // the whole step, best of many short windows
  double compile_seconds = 0;      // passes, kernels chosen and loaded
  std::int64_t touched_bytes = 0;  // variables and arena the step walks through
  std::vector<OpProfile> ops;      // in the order they run
  std::vector<TunedOp> heavy;      // ops with several kernels to choose from, each shape once
  // On a device that launches kernels: each, best of the repetitions, and what one takes that does
  // nothing.
  std::vector<LaunchTime> launches;
  double empty_launch = 0;

  double op_seconds() const;
  double flops() const;
};

// The machine's own measured limits, see backend/cpu/peak.h; of a GPU those of its clocks.
struct Limits {
  double flops = 0, bandwidth = 0;  // a second
  int threads = 0;
  std::string gpu;  // its name; empty: the CPU's

  // The least time so much work can take: arithmetic or traffic, whichever is longer.
  double floor(double flops_of, double bytes_of) const {
    return std::max(flops_of / flops, bytes_of / bandwidth);
  }
};

struct ProfileOptions {
  double seconds = 1;     // of whole steps
  int repetitions = 100;  // of single ops
  // Of each kernel an op could use; 0: they are not compared.
  double candidate_seconds = 0.02;
};

// The recipe's training step, compiled for the device. Throws Error::mistake where the recipe says
// no input shape.
Program training_step(const nn::Recipe& recipe, const Device& device);

// Random samples of the recipe's shape stand in for its data. Throws Error::mistake where the
// recipe says no input shape.
StepProfile profile_step(const nn::Recipe& recipe, Device& device,
                         const ProfileOptions& options = {});

// Ops by the time they lose against their floor, the greatest first.
std::vector<const OpProfile*> worst_first(const StepProfile& profile, const Limits& limits);

// The table people read, with what to look at first; the same as one JSON object.
std::string to_text(const StepProfile& profile, const Limits& limits, bool all);
std::string to_json(const StepProfile& profile, const Limits& limits);

}  // namespace treino::train
