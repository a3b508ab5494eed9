// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "treino/graph/graph.h"

namespace treino::compiler {

// Which nodes some effect depends on; the rest is dropped by every pass.
std::vector<bool> live_nodes(const Graph& graph);

// How many times each node's outputs are read by live nodes.
std::vector<int> use_counts(const Graph& graph, const std::vector<bool>& live);

// The vector a value broadcasts along its last axis, or nothing.
const Value* last_axis_vector(const Value& value);

// Copies a graph node by node, in order, while a pass replaces some of them.
// The new graph's variables are the old one's, in the same order.
class Rewriter {
 public:
  Rewriter(const Graph& from, Graph& to);

  // The new value that stands for `old`; its node must have been copied or set.
  Value map(const Value& old) const;
  bool is_mapped(const Value& old) const;
  std::vector<Value> map(const std::vector<Value>& old) const;

  // Copies node `index` with mapped inputs.
  void copy(int index);
  // Lets `value` stand for output `output` of node `index`.
  void set(int index, Value value, int output = 0);

 private:
  const Graph& from_;
  Graph& to_;
  std::vector<std::vector<Value>> map_;
};

}  // namespace treino::compiler
