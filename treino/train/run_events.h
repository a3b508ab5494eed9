// SPDX-License-Identifier: Apache-2.0
// The events of a training (docs/events.md).
#pragma once

#include <string>

#include "treino/base/event.h"
#include "treino/data/dataset.h"
#include "treino/nn/model.h"
#include "treino/train/checkpoint.h"
#include "treino/train/fit.h"
#include "treino/train/order.h"

namespace treino::train {

// When the steps before a training's first were done, CLOCK_MONOTONIC.
struct StartTimes {
  double process_start = 0, runtime_ready = 0, data_ready = 0, model_built = 0, compile_done = 0;
  double compile_seconds = 0;
};

// What a training works on, for its certificate.
struct Work {
  const nn::TrainOptions& options;
  const EpochPlan& plan;
  std::int64_t ring_bytes = 0;  // of samples that are streamed; 0: they are resident
  int threads = 0;
  std::string device;
};

// process_start to train_start.
void write_opening(EventWriter& events, const StartTimes& times, const data::Dataset& dataset,
                   const std::string& sha256, const nn::Model& model, const Work& work);

Event resume_event(const Position& position, double process_start);
Event epoch_stop_event(const EpochResult& epoch);
Event evaluation_event(const char* split, const Metrics& metrics);
Event exit_event(const FitResult& result);
// Of a training that ends with an error, at a step counted from 1, or 0.
Event failure_event(const Error& error, std::int64_t step);

}  // namespace treino::train
