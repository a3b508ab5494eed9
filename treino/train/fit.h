// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "treino/data/dataset.h"
#include "treino/nn/recipe.h"
#include "treino/runtime/device.h"
#include "treino/train/run_folder.h"

namespace treino::train {

struct Metrics {
  double loss = 0;      // mean over samples
  double accuracy = 0;  // a fraction
  std::int64_t samples = 0;
};

// Where an epoch stands; figures are running means since the epoch began, with dropout on.
struct Progress {
  std::int64_t epoch = 0, epochs = 0;  // from 1
  std::int64_t step = 0, steps = 0;    // of this epoch
  Metrics running;
  double samples_per_second = 0;
  double seconds_left = 0;  // of all epochs
};

struct EpochResult {
  std::int64_t epoch = 0, epochs = 0;
  double seconds = 0;  // without evaluation and saving
  double saving = 0;   // between its events, left out of `seconds`
  std::int64_t steps = 0;
  Metrics training;
  std::optional<Metrics> validation;
};

// Told what happens; called from the training thread. This one keeps silent: override what you
// want.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void note(const std::string& line) { (void)line; }
  virtual void ready(double compile_seconds, std::int64_t parameters) {
    (void)compile_seconds, (void)parameters;
  }
  virtual void progress(const Progress& progress) { (void)progress; }
  virtual void epoch_done(const EpochResult& result) { (void)result; }
};

struct FitOptions {
  std::string out;            // run folder; empty: runs/<name>-<time>
  bool resume = false;        // go on in `out`
  std::string events;         // --events
  std::string data_folder;    // --data, for the record
  Fold fold;                  // for the record
  int threads = 0;            // for the record
  double process_start = -1;  // CLOCK_MONOTONIC; -1: when fit begins
  double runtime_ready = -1, data_ready = -1;
  bool optimize = true;  // CompileOptions::optimize
  bool tune = false;     // kernels by measurement, of the cache or of now, instead of the table
  std::vector<std::pair<std::string, std::string>>* dump =
      nullptr;  // compiler passes of the training step
};

struct FitResult {
  std::string folder;
  std::vector<EpochResult> epochs;  // of this call
  std::optional<Metrics> test;
  double train_seconds = 0;  // of all epochs, resumed ones too
  double compile_seconds = 0;
  std::int64_t peak_bytes = 0;    // of the process
  std::int64_t device_bytes = 0;  // at most, of the device's own memory
  bool stopped_early = false;
  int signal = 0;  // that interrupted it, or 0
};

// Trains and writes the run's folder: recipe, events, environment, weights, checkpoint. SIGINT and
// SIGTERM stop it cleanly with a checkpoint; a second one ends the process at once.
// Throws Error: a mistake in recipe or options, labels that are no classes of the set, a folder
// that cannot be written or in which another process trains, a loss or weights that are not finite
// (naming the step; the last good checkpoint stays).
FitResult fit(nn::Recipe recipe, const data::Dataset& dataset, Device& device,
              const FitOptions& options, Observer& observer);

}  // namespace treino::train
