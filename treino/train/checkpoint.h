// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "treino/runtime/device.h"

namespace treino::train {

// Where a training stands, beside the tensors on its device.
struct Position {
  std::int64_t epoch = 0;          // epochs completed
  std::int64_t step = 0;           // steps done of the epoch after them
  double epoch_seconds = 0;        // spent on that epoch so far
  double train_seconds = 0;        // of the completed ones
  std::int64_t events_bytes = 0;   // length of events.jsonl
  std::int64_t patience_used = 0;  // early stopping
  double best = 0;                 // its best figure
  std::int64_t best_epoch = 0;     // 0: none yet
};

// Takes what checkpoint/state.safetensors holds, every variable but the data, and the position; the
// function it gives writes the file, whenever and on whatever thread it is called.
std::function<void()> take_checkpoint(const std::string& folder, const Store& store,
                                      const Position& position);

// Puts it back. Throws Error::mistake for a damaged file or one of another model, naming the
// tensor.
Position load_checkpoint(const std::string& folder, Store& store);
bool has_checkpoint(const std::string& folder);

// The parameters and statistics of the best epoch, for early stopping.
void save_best(const std::string& folder, const Store& store);
void load_best(const std::string& folder, Store& store);

}  // namespace treino::train
