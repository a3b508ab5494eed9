// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "treino/base/host_tensor.h"
#include "treino/nn/train_options.h"

namespace treino::train {

// How the samples of an epoch fall into steps.
struct EpochPlan {
  std::int64_t batch = 0;      // of a full step
  std::int64_t full = 0;       // full steps
  std::int64_t remainder = 0;  // samples of one more, smaller step; 0: none
  std::int64_t entries = 0;    // of the order
  std::int64_t steps() const { return full + (remainder > 0 ? 1 : 0); }
  std::int64_t samples() const { return full * batch + remainder; }
};

// Throws Error::mistake when `drop` leaves no step at all.
EpochPlan plan_epoch(std::int64_t samples, std::int64_t batch, nn::LastBatch last);

// The order of epoch `epoch` (from 0) over `rows`, i32 [plan.entries]: a Fisher-Yates shuffle, one
// within a sliding window, or the rows as they are. Depends on seed, epoch and rows alone. A
// refilled last batch takes the epoch's first samples again.
HostTensor epoch_order(const std::vector<std::int32_t>& rows, const EpochPlan& plan,
                       const nn::Shuffle& shuffle, std::uint64_t seed, std::int64_t epoch);

// Rows held out for validation and rows to train on, both ascending; drawn by seed, with i32 labels
// [samples] from each class alike.
struct Holdout {
  std::vector<std::int32_t> training, validation;
};
Holdout hold_out(std::int64_t samples, double fraction, std::uint64_t seed,
                 const HostTensor* labels = nullptr);

}  // namespace treino::train
