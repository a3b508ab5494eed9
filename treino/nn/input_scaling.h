// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "treino/nn/model.h"
#include "treino/nn/train_options.h"

namespace treino::nn {

// f32 [batch, input...]: samples x scaled to (x scale - mean) / std. Numbers that differ between
// channels are the variables "input.factor" and "input.shift" [channels], x factor + shift; one
// number for all is a constant of the graph. Throws Error::mistake where their count is not the
// channels'.
Value scale_input(Graph& graph, const InputOptions& input, Value samples, const Shape& model_input);

// Values of "input.factor" and "input.shift"; none where constants do. sample, type: of
// the samples as stored.
std::vector<NamedTensor> input_constants(const InputOptions& input, const Shape& sample,
                                         DType type);

}  // namespace treino::nn
