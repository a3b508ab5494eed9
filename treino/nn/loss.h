// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/nn/activation.h"
#include "treino/nn/model.h"
#include "treino/nn/train_options.h"

namespace treino::nn {

// The function of the final layer that the loss folds in (softmax, sigmoid), linear for none.
Activation folded_activation(Loss loss);

// The model's layers with that function taken off the last one.
std::vector<Layer> without_activation(std::vector<Layer> layers, Activation function);

// Throws Error::mistake unless a model with that output can learn `classes` classes by that loss.
void check_loss(const Model& model, const TrainOptions& train, std::int64_t classes);

// Targets [batch, outputs] f32 of labels: i32 [batch], or f32 [batch, classes] as they are.
Value targets_of(Value labels, std::int64_t outputs);

// Loss of each sample, [batch]; outputs and targets [batch, n].
Value loss_of(const TrainOptions& train, Value outputs, Value targets);

// The class that outputs [batch, n] speak for, [batch] i32; one output stands for two classes.
Value guess_of(Loss loss, Value outputs);

// 1 where the sample's class is right, else 0, [batch] f64.
Value correct_of(Loss loss, Value outputs, Value labels);

}  // namespace treino::nn
