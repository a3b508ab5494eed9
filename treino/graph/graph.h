// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "treino/base/error.h"
#include "treino/graph/attributes.h"

namespace treino {

class Graph;

// One output of one node. Cheap to copy; valid as long as its graph.
struct Value {
  Graph* graph = nullptr;
  int node = -1;
  int output = 0;

  const TensorType& type() const;
  const Shape& shape() const { return type().shape; }
  DType dtype() const { return type().dtype; }
  friend bool operator==(const Value&, const Value&) = default;
};

// What a variable is for; a device lays roles out in arenas of their own.
enum class Role : std::uint8_t {
  parameter,  // trained by the optimiser
  statistic,  // changed by training, not by the optimiser (running mean and variance)
  optimizer,  // the optimiser's state
  counter,    // steps, positions, seed, rates
  metric,     // sums read by the host after some steps
  data,       // tables of samples and labels, the epoch's order
};

struct Variable {
  std::string name;  // "conv2d_1.kernel": unique in a graph, and what checkpoints say
  TensorType type;
  Role role = Role::parameter;
};

struct Node {
  Op op = Op::constant;
  std::vector<Value> inputs;
  Attributes attributes;
  std::vector<TensorType> outputs;
  std::string scope;  // the layer that emitted it, for errors and profiles: "conv2d_1"
};

// A directed acyclic graph of ops in topological order: a node's inputs stand before it. Effects
// (`assign` nodes) are what a program runs for; nodes that reach no effect are dropped on lowering.
class Graph {
 public:
  Graph() = default;
  Graph(const Graph&) = delete;  // values point into it
  Graph& operator=(const Graph&) = delete;

  // Appends a node and infers its output types. Throws Error::mistake, naming op, scope and shapes,
  // for inputs that do not fit. Returns its first output (node without outputs: output 0 is not to
  // be read).
  Value add(Op op, std::vector<Value> inputs, Attributes attributes = NoAttributes{});

  // The variable of that name, added when new; a known name must have the same type and role.
  Value variable(const std::string& name, TensorType type, Role role);

  const std::vector<Node>& nodes() const { return nodes_; }
  const Node& node(int index) const { return nodes_[static_cast<std::size_t>(index)]; }
  const std::vector<Variable>& variables() const { return variables_; }

  // Scope of the nodes added from now on.
  const std::string& scope() const { return scope_; }
  void set_scope(std::string scope) { scope_ = std::move(scope); }

  // Of the products that are added from now on by build.h; their gradients have it too.
  Precision precision() const { return precision_; }
  void set_precision(Precision precision) { precision_ = precision; }

 private:
  std::vector<Node> nodes_;
  std::vector<Variable> variables_;
  std::vector<int> variable_nodes_;
  std::string scope_;
  Precision precision_ = Precision::float32;
};

// The types of a node's outputs. Throws Error::mistake as Graph::add does.
std::vector<TensorType> infer_types(Op op, std::span<const Value> inputs,
                                    const Attributes& attributes);

// One line a node: "%4 = conv2d(%1, %3) stride=[2, 2] : f32[32, 15, 15, 8]  ; conv2d_1".
std::string to_text(const Graph& graph);
// The same for Graphviz.
std::string to_dot(const Graph& graph);

}  // namespace treino
