// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "treino/graph/graph.h"
#include "treino/nn/initializer.h"
#include "treino/nn/layer.h"

namespace treino::nn {

// A tensor a layer owns.
struct LayerVariable {
  std::string name;  // "conv2d_1.kernel"
  Shape shape;
  Role role = Role::parameter;  // or statistic
  Initializer initializer;
  Value value;
};

// Where a layer's nodes stand in the graph.
struct LayerRecord {
  std::string name;                                   // "residual_1.body.conv2d_1"
  std::string type;                                   // "conv2d"
  int depth = 0;                                      // layers around it
  Shape output;                                       // of one sample
  int first_node = 0, last_node = 0;                  // nodes [first, last)
  std::size_t first_variable = 0, last_variable = 0;  // of Emit::variables()
};

// What layers emit into. One per graph and model.
class Emit {
 public:
  Emit(Graph& graph, bool training) : graph_(graph), training_(training) {}
  // For dropout in training: the seed and the global position of the batch's first sample, both []
  // i64.
  Emit(Graph& graph, Value seed, Value position)
      : graph_(graph), training_(true), seed_(seed), position_(position) {}

  Graph& graph() const { return graph_; }
  bool training() const { return training_; }

  // The trained tensor "<layer's name>.<name>".
  Value parameter(std::string_view name, const Shape& shape, const Initializer& initializer);
  // A tensor that training changes by assignment and inference reads.
  Value statistic(std::string_view name, const Shape& shape, const Initializer& initializer);
  // A mask of that shape [batch, ...]: 0 or 1 / (1 - rate); each call is a stream of its own.
  Value dropout_mask(double rate, const Shape& shape);

  // Layers one after the other, in the scope "<this scope>.<name>" (no name: this scope). They are
  // named by type and a count from 1.
  Value sequence(std::string_view name, const std::vector<Layer>& layers, Value x);

  const std::vector<LayerVariable>& variables() const { return variables_; }
  const std::vector<LayerRecord>& records() const { return records_; }

 private:
  Value own(std::string_view name, const Shape& shape, const Initializer& initializer, Role role);

  Graph& graph_;
  bool training_;
  Value seed_, position_;
  std::string scope_;
  int depth_ = 0;
  std::uint32_t dropouts_ = 0;
  std::vector<LayerVariable> variables_;
  std::vector<LayerRecord> records_;
};

}  // namespace treino::nn
