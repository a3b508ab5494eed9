// SPDX-License-Identifier: Apache-2.0
// The graphs of training, evaluation and prediction. Everything that changes from step to step is a
// variable on the device, so that a device can run many steps in one call.
//
//   parameters, statistics   "conv2d_1.kernel", "batch_norm_1.mean"
//   optimiser's state        "optimizer.<slot>.<parameter>"
//   counters, [] i64         "counter.step" completed steps; "counter.offset" position in the
//   order;
//                            "counter.position" samples since training began; "counter.seed"
//   metrics, [] f64          "metric.loss_sum", "metric.correct", "metric.samples": sums over
//   samples;
//                            "metric.bad_step": the first step whose loss is not finite, else -1
//   "metric.confusion"       f32 [classes, classes], where asked for: samples of [true
//   class][guess]
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "treino/nn/model.h"
#include "treino/nn/train_options.h"

namespace treino::nn {

// Names of the variables a step reads its batch from and adds its metrics to. Programs over one
// store that read different tables (training, validation, test) differ here.
struct Feed {
  std::string samples = "data.samples";   // [rows, sample...]
  std::string labels = "data.labels";     // [rows]
  std::string order = "data.order";       // i32 [order]: rows in the order they are read
  std::string offset = "counter.offset";  // where in the order the next batch starts
  std::string metric = "metric";          // prefix of loss_sum, correct, samples, confusion

  // data.test.samples, data.test.labels, data.test.order, counter.test, metric.test.* for "test".
  static Feed named(const std::string& name);
};

// Shapes of a step.
struct BatchGeometry {
  std::int64_t batch = 0;            // samples of a step
  std::int64_t rows = 0;             // of the tables
  std::int64_t order = 0;            // entries of the order; 0: rows
  Shape sample;                      // of one row, e.g. [28, 28, 1]
  DType sample_type = DType::u8;     // u8, f32, or i32 (numbers for an embedding)
  std::int64_t classes = 0;          // labels are 0 .. classes - 1
  bool one_hot = false;              // labels are f32 [rows, classes] instead of i32 [rows]
  bool confusion = false;            // evaluation also counts true classes by guessed ones
  std::int64_t steps_per_epoch = 1;  // for the schedule
  Feed feed = {};
};

struct StepSpec {
  const Model& model;
  const InputOptions& input;
  const TrainOptions& train;
};

// One training step: gather, scale, forward, loss, gradients, clipping, optimiser, counters,
// metrics. Throws Error::mistake when loss, model and labels do not fit.
void emit_train_step(Graph& graph, const StepSpec& spec, const BatchGeometry& geometry);

// One evaluation step: the same forward pass without dropout and with running statistics; adds to
// the metrics and moves the feed's offset.
void emit_evaluate_step(Graph& graph, const StepSpec& spec, const BatchGeometry& geometry);

// "input.samples" [batch, sample...] (sample_type) -> "output.probabilities" f32 [batch, outputs].
// Softmax or sigmoid is applied where the loss folds it; other losses give the outputs as they are.
void emit_predict(Graph& graph, const StepSpec& spec, const BatchGeometry& geometry);

// Values every store of a training starts from: parameters and statistics, constants of the input,
// state of the optimiser, counters (the seed is train.seed), metric.bad_step. What is not listed is
// 0.
std::vector<NamedTensor> initial_state(const StepSpec& spec, const BatchGeometry& geometry);

// Fills mean and std of scale = "standard" from the training samples (u8 or f32 [n, ...,
// channels]); a constant channel gets std 1. Other scales are left alone.
void standardize(InputOptions& input, const HostTensor& samples);
// The same of samples that are shown piece by piece, in order; they are shown twice.
using ShowPieces = std::function<void(const std::function<void(const HostTensor&)>&)>;
void standardize(InputOptions& input, const ShowPieces& show);

// Makes class_weights = "balanced" numbers: samples / (classes x samples of the class), of i32
// labels [n]; a class without samples gets 0. Others are left alone. Throws Error::mistake where
// they are not one a class.
void balance(TrainOptions& train, const HostTensor& labels, std::int64_t classes);

}  // namespace treino::nn
