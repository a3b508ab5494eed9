// SPDX-License-Identifier: Apache-2.0
// A recipe's training step, or its prediction, ready to run on a device over given samples: what
// the benchmarks have in common.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "treino/nn/steps.h"
#include "treino/runtime/device.h"

namespace treino::bench {

struct StepOptions {
  std::string recipe;  // name or path
  std::string device = "cpu";
  int threads = 2;
  bool onednn = true;
  bool predict = false;
  std::int64_t batch = 0;       // 0: the recipe's
  std::string precision;        // empty: the recipe's
  std::int64_t epoch = 200;     // steps of an epoch of random samples
  std::string samples, labels;  // raw files, u8 and i32; empty: random
};

class RecipeStep {
 public:
  explicit RecipeStep(const StepOptions& options);

  // Runs at least `steps` steps; the order starts over where it ends.
  void run(std::int64_t steps);
  StepTimes profile();
  void rewind();

  const Program& program() const { return program_; }
  Executable& executable() { return *executable_; }
  const std::string& name() const { return name_; }
  std::int64_t state_bytes() const;   // parameters, optimiser's state and data on the device
  std::int64_t device_bytes() const;  // these and what the program works in
  std::int64_t batch() const { return geometry_.batch; }
  std::int64_t parameters() const { return parameters_; }
  double compile_seconds() const { return compile_seconds_; }
  double load_seconds() const { return load_seconds_; }

 private:
  void read_samples(const StepOptions& options);

  nn::BatchGeometry geometry_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Store> store_;
  Program program_;
  std::unique_ptr<Executable> executable_;
  HostTensor input_;  // of a prediction
  std::string name_;
  std::int64_t parameters_ = 0, done_ = 0;
  double compile_seconds_ = 0, load_seconds_ = 0;
  bool predict_ = false;
};

}  // namespace treino::bench
