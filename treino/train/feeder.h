// SPDX-License-Identifier: Apache-2.0
// Where a feed's steps get their batches: a table on the device that holds the whole set, or a ring
// of pieces that a thread reads ahead from the set's file. Steps read both alike: rows of a table
// by an order, from an offset on.
#pragma once

#include <cstdint>
#include <memory>

#include "treino/data/dataset.h"
#include "treino/nn/steps.h"
#include "treino/runtime/device.h"
#include "treino/train/order.h"

namespace treino::train {

struct FeedPrograms;

class Feeder {
 public:
  virtual ~Feeder() = default;

  // Rows of the split in the order they are read, i32 [plan.entries]; in force from the next
  // seek().
  virtual void set_order(HostTensor order) = 0;
  // The next run begins at that step of the order.
  virtual void seek(std::int64_t step) = 0;
  // Runs the next steps, at most so many; returns how many, at least one. Throws Error::work when
  // samples cannot be read.
  virtual std::int64_t run(std::int64_t steps) = 0;
  // Bytes of samples this holds in memory beside the device's own.
  virtual std::int64_t ring_bytes() const { return 0; }
};

// Shapes of the tables that a feed over `split` reads: the split's own, or a ring piece's.
void set_tables(const data::Split& split, const EpochPlan& plan, nn::BatchGeometry& geometry);

// Binds the split's tables to the store (or begins a ring). `programs` must stay where it is.
std::unique_ptr<Feeder> make_feeder(Store& store, FeedPrograms& programs, const data::Split& split);

}  // namespace treino::train
