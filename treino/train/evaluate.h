// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "treino/data/dataset.h"
#include "treino/nn/recipe.h"
#include "treino/runtime/device.h"
#include "treino/train/fit.h"
#include "treino/train/run_folder.h"

namespace treino::train {

// A trained network read back from a run's folder, ready to predict.
class Predictor {
 public:
  // Throws Error::mistake for a folder that is no run, or whose weights are damaged or of another model.
  Predictor(const std::string& folder, Device& device);
  ~Predictor();

  const nn::Recipe& recipe() const { return recipe_; }
  const Environment& environment() const { return environment_; }

  // Probabilities f32 [n, classes] of samples [n, ...] of the training data's shape and type.
  HostTensor predict(const HostTensor& samples);

 private:
  struct Loaded;
  Loaded& loaded(std::int64_t batch);

  Device& device_;
  nn::Recipe recipe_;
  Environment environment_;
  std::unique_ptr<nn::Model> model_;
  std::vector<std::pair<std::string, HostTensor>> weights_;
  std::vector<std::unique_ptr<Loaded>> programs_;  // by batch size
};

struct ClassReport {
  std::string name;
  std::int64_t support = 0;  // samples of this class
  double precision = 0, recall = 0, f1 = 0;
};

struct Evaluation {
  Metrics metrics;
  std::vector<ClassReport> classes;
  std::vector<std::vector<std::int64_t>> confusion;  // [true class][predicted class]
};

// Loss (the recipe's) over a split is that of cross-entropy where the recipe trains with it: the mean
// of -ln p of the true class; for other losses 0 is given and only counts are meant.
Evaluation evaluate(Predictor& predictor, const data::Split& split);

}  // namespace treino::train
