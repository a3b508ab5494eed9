// SPDX-License-Identifier: Apache-2.0
// A training on the CUDA device whose steps run as a test says.
#pragma once

#include <string>

#include "tests/support/environment.h"
#include "tests/support/places.h"
#include "treino/backend/devices.h"
#include "treino/data/load.h"
#include "treino/nn/recipe.h"
#include "treino/train/programs.h"

namespace treino::cuda::test {

class Trial {
 public:
  // The recipe of that text; `batch` instead of its own. Over the stand-in, or on a GPU (places.h).
  Trial(const std::string& recipe, std::int64_t batch);

  // Another one over variables of its own, on the same device.
  Trial(const std::string& recipe, std::int64_t batch, std::shared_ptr<Device> device);

  // All of them as at the first step.
  void start();
  // So many of the training's full steps in one call.
  void run(std::int64_t steps) { training_.run_full->run(steps); }
  train::Metrics evaluate() { return train::evaluate_feed(programs_.store(), test_); }
  // Every variable, as bytes.
  std::string state() const;

  const std::shared_ptr<Device>& device() const { return device_; }
  const std::vector<Variable>& variables() const { return programs_.store().variables(); }
  std::vector<const Program*> programs() const;

 private:
  nn::StepSpec spec() const { return {model_, recipe_.input, recipe_.train}; }

  std::shared_ptr<Device> device_;
  nn::Recipe recipe_;
  data::Dataset dataset_;
  nn::Model model_;
  nn::BatchGeometry geometry_;
  train::Programs programs_;
  train::FeedPrograms training_, test_;
};

}  // namespace treino::cuda::test
