// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "treino/base/host_tensor.h"
#include "treino/data/dataset.h"
#include "treino/nn/recipe.h"
#include "treino/runtime/device.h"

namespace treino::train {

// runs/<name>-<time>, with a number when it is taken. The folder is made.
std::string new_run_folder(const std::string& name);

// Whether a training got as far as its first checkpoint there.
bool holds_training(const std::string& folder);

// The folder itself, or for "latest" the newest under runs/ that holds a training. Throws
// Error::mistake when it is no run.
std::string find_run(const std::string& name_or_latest);

// Which part of a set's training samples a training left out to test on (cross_validate.h).
struct Fold {
  int number = 0;  // from 1; 0: none of a cross-validation
  int of = 0;
};

// What the run's folder says of machine and data: environment.json.
struct Environment {
  std::string device;
  int threads = 0;
  std::string data_name, data_origin, data_sha256;
  std::string data_folder;  // where --data said the set is; empty: found by itself
  std::vector<std::string> classes;
  std::vector<std::string> features;  // of a table, as Dataset has them
  std::int64_t label_column = -1;
  Fold fold;
  Shape sample;
  DType sample_type = DType::u8;
  std::vector<std::string> choices;  // kernels of the training step, a line an op
  KernelChoices heavy;               // what --resume goes on with; empty in runs that recorded none
};
void write_environment(const std::string& folder, const Environment& environment);
Environment read_environment(const std::string& folder);

// Trained parameters and statistics, as they are now; the function it gives writes them, to
// model.safetensors, whenever and on whatever thread it is called.
std::function<void()> take_model(const std::string& folder, const Store& store);

// Peak resident memory of this process in bytes (VmHWM), 0 when unknown.
std::int64_t peak_memory();

}  // namespace treino::train
