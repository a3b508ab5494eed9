// SPDX-License-Identifier: Apache-2.0
// A network another framework has trained, its values, and Treino's programs for it.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tests/golden/numbers_of.h"
#include "treino/format/safetensors.h"
#include "treino/nn/recipe.h"
#include "treino/nn/steps.h"
#include "treino/runtime/device.h"

namespace treino::golden {

// Parameters, statistics and the optimiser's state by name, f64.
using State = std::map<std::string, HostTensor>;

class Network {
 public:
  // values/<name>.safetensors and its recipe, dropout off.
  explicit Network(const std::string& name);

  const std::string& name() const { return name_; }
  std::int64_t steps() const { return steps_; }
  const nn::BatchGeometry& geometry() const { return geometry_; }
  nn::StepSpec spec() const { return {model_, recipe_.input, recipe_.train}; }
  void set_precision(Precision precision) { recipe_.train.precision = precision; }
  bool has_convolutions() const;
  // The recipe with every default written out, without its name.
  std::string recipe_text() const;

  // Row `row` of a golden tensor; throws Error::mistake when there is none.
  std::span<const double> golden(const std::string& tensor, std::int64_t row = 0) const;
  // Names of golden tensors that start so, without that start.
  std::vector<std::string> names(const std::string& start) const;
  // The norm of the largest gradient of a step.
  double largest_gradient(std::int64_t step) const;
  // Which numbers of a parameter's gradient are 0 but for rounding: below 1e-10 of that norm in
  // float64, where a batch norm takes a bias away again or a unit is never on. Their digits mean
  // nothing, and Adam makes whole steps of them. A tensor with a digest is so as a whole or not.
  Mask zero_gradient(const std::string& parameter, std::int64_t step) const;
  // The same numbers of a tensor of the state: of the parameter or one of its optimiser's slots.
  Mask after_zero_gradient(const std::string& tensor, std::int64_t step) const;

  const HostTensor& samples() const { return samples_; }
  const HostTensor& labels() const { return labels_; }
  const HostTensor& order() const { return order_; }

 private:
  std::string name_;
  format::SafeTensors values_;
  nn::Recipe recipe_;
  nn::Model model_;
  nn::BatchGeometry geometry_;
  std::int64_t steps_ = 0;
  HostTensor samples_, labels_, order_;
};

// A training step on a device, with or without the gradients as outputs of their own: without, it
// is the very program `treino train` runs.
class Trainer {
 public:
  Trainer(Device& device, const Network& network, bool with_gradients);

  State state() const;
  // Puts the device where `step` steps have led to `state`.
  void start(const State& state, std::int64_t step);
  // Runs one step; the mean loss of its batch.
  double step();
  std::vector<double> gradient(const std::string& parameter) const;

 private:
  const Network& network_;
  Graph graph_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Executable> program_;
};

// Starting values: the network's own, and what the optimiser starts with.
State starting_state(const Network& network);

struct Evaluation {
  double loss = 0, correct = 0;  // mean; count
};
// Of the order's first batch.
Evaluation evaluate(Device& device, const Network& network, const State& state);
// Of the table's first rows.
std::vector<double> predict(Device& device, const Network& network, const State& state);

}  // namespace treino::golden
