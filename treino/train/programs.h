// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "treino/nn/steps.h"
#include "treino/runtime/device.h"
#include "treino/train/feeder.h"
#include "treino/train/fit.h"
#include "treino/train/order.h"

namespace treino::train {

// A feed's programs: full batches and, where samples are left over, one smaller batch.
struct FeedPrograms {
  nn::Feed feed;
  EpochPlan plan;
  Program full, remainder;
  std::unique_ptr<Executable> run_full, run_remainder;
  std::unique_ptr<Feeder> feeder;  // after make_feeder()
};

// Everything compiled for one training, over one store.
class Programs {
 public:
  explicit Programs(Device& device, bool optimize = true) : device_(device), optimize_(optimize) {}

  // Emits and compiles; variables are collected. `kind` is nn::emit_train_step or
  // emit_evaluate_step.
  using Emitter = void (*)(Graph&, const nn::StepSpec&, const nn::BatchGeometry&);
  FeedPrograms compile(const std::string& name, Emitter emit, const nn::StepSpec& spec,
                       nn::BatchGeometry geometry, const EpochPlan& plan,
                       std::vector<std::pair<std::string, std::string>>* dump = nullptr);

  // After all compile() calls: makes the store.
  Store& make_store();
  Store& store() { return *store_; }
  const Store& store() const { return *store_; }
  void load(FeedPrograms& programs);

  // A line a step about its kernel, for the record.
  static std::vector<std::string> choices(const FeedPrograms& programs);
  // Adds the kernels of its heavy ops, each op and shape once.
  static void add_heavy(const FeedPrograms& programs, std::vector<KernelChoice>& to);

 private:
  Device& device_;
  bool optimize_;
  std::vector<Variable> variables_;
  std::unique_ptr<Store> store_;
};

// Sums of a feed's metrics as means, and setting them back to zero.
Metrics read_metrics(const Store& store, const nn::Feed& feed);
void reset_metrics(Store& store, const nn::Feed& feed);

// Samples of a step of evaluation and prediction.
inline constexpr std::int64_t kEvaluationBatch = 64;

// Writes the variable of that name, where the store has one.
void write_known(Store& store, const std::string& name, const HostTensor& value);

// Runs an evaluation feed from its first sample to its last.
Metrics evaluate_feed(Store& store, FeedPrograms& programs);

}  // namespace treino::train
