// SPDX-License-Identifier: Apache-2.0
// Small trainings on generated data, and what they leave behind.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "treino/base/event.h"
#include "treino/train/fit.h"

namespace treino::train::test {

struct Settings {
  int threads = 2;
  bool resume = false;
  bool onednn = true;
  std::string device = "cpu";
  std::string data;    // instead of the recipe's
  std::string events;  // a copy goes there
  std::vector<nn::Override> overrides;
  Observer* observer = nullptr;
};

// Trains the recipe of that text in `folder`.
FitResult train(const std::string& recipe, const std::string& folder,
                const Settings& settings = {});

// The same in two runs, of which the second resumes the first after two epochs; what that gives.
FitResult train_in_two(const std::string& recipe, const std::string& folder, Settings settings);

// Networks whose steps take every path there is: dropout everywhere, odd last batches.
extern const std::string kDense;      // 203 points, batch 16
extern const std::string kConv;       // 150 pictures, batch 16, batch norm
extern const std::string kAugmented;  // 150 pictures, every augmentation
extern const std::string kResidual;   // 100 pictures, batch 9

// All tensors of a run's checkpoint and of its weights, as bytes; where it stood is left out (it
// holds seconds).
std::string state_of(const std::string& folder);

// Training loss and accuracy of every epoch in a run's events, as text.
std::string epochs_of(const std::string& folder);
std::vector<Event> events_of(const std::string& folder);
std::size_t count(const std::vector<Event>& events, const std::string& name);

// Interrupts the training once, in the middle of that epoch.
class StopInEpoch final : public Observer {
 public:
  explicit StopInEpoch(std::int64_t epoch) : epoch_(epoch) {}
  void progress(const Progress& progress) override;

 private:
  std::int64_t epoch_;
};

// The same after an epoch.
class StopAfterEpoch final : public Observer {
 public:
  explicit StopAfterEpoch(std::int64_t epoch) : epoch_(epoch) {}
  void epoch_done(const EpochResult& result) override;

 private:
  std::int64_t epoch_;
};

}  // namespace treino::train::test
