// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "treino/data/dataset.h"
#include "treino/nn/recipe.h"
#include "treino/nn/steps.h"
#include "treino/runtime/device.h"
#include "treino/train/fit.h"
#include "treino/train/run_folder.h"
#include "treino/train/texts.h"

namespace treino::train {

// A trained network read back from a run's folder, ready to predict.
class Predictor {
 public:
  // Throws Error::mistake for a folder that is no run, or whose weights are damaged or of another
  // model.
  Predictor(const std::string& folder, Device& device);
  ~Predictor();

  const nn::Recipe& recipe() const { return recipe_; }
  const Environment& environment() const { return environment_; }

  // Of a network trained on texts.
  const std::optional<data::Vocabulary>& vocabulary() const { return vocabulary_; }
  // A split of texts as the network's numbers; others as they are.
  data::Split encoded(const data::Split& split) const;

  // Probabilities f32 [n, outputs] of samples [n, ...] of the training data's shape and type.
  HostTensor predict(const HostTensor& samples);

  struct Measured {
    Metrics metrics;       // loss (the recipe's) and accuracy
    HostTensor confusion;  // f32 [classes, classes]: samples by true class and guess
  };
  // Over a split, by the same program as after a training.
  Measured measure(const data::Split& split);

 private:
  struct Loaded;
  Loaded& loaded(std::int64_t batch);
  void check_samples(const Shape& sample, DType type) const;
  void write_weights(Store& store, const nn::BatchGeometry& geometry) const;

  Device& device_;
  nn::Recipe recipe_;
  Environment environment_;
  std::optional<data::Vocabulary> vocabulary_;
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

// Metrics, per-class figures and the confusion matrix. Labels are the network's. Throws
// Error::mistake for a split without samples, and for samples or labels that the network does not
// know.
Evaluation evaluate(Predictor& predictor, const data::Split& split);

// A part of a set with labels and, in a table, columns as the network counts them: classes are
// found by their names, and by number where the set has but numbers for names. Throws
// Error::mistake for a class that has samples and a column that the network does not know.
data::Split known_to(const Predictor& predictor, const data::Dataset& dataset,
                     const data::Split& split);

}  // namespace treino::train
