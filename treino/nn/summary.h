// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "treino/nn/model.h"

namespace treino::nn {

// One layer of a model, nested ones after the layer that holds them. Figures are for one sample of
// inference; a multiply-add counts as two FLOP. A residual layer's figures include its nested ones.
struct LayerSummary {
  std::string name;  // "residual_1.body.conv2d_1"
  std::string type;
  int depth = 0;
  Shape output;
  std::int64_t parameters = 0;  // trainable numbers
  std::int64_t statistics = 0;  // numbers that are not trained
  std::int64_t flop = 0;
  std::int64_t activation_bytes = 0;  // f32 tensors written
};

struct ModelSummary {
  Shape input;
  std::vector<LayerSummary> layers;
  std::int64_t parameters = 0, statistics = 0, flop = 0, activation_bytes = 0;
};

ModelSummary summarize(const Model& model);

std::string to_text(const ModelSummary& summary);  // a table for people
std::string to_json(const ModelSummary& summary);
std::string to_dot(const Model& model);  // one box a layer, for Graphviz

}  // namespace treino::nn
