// SPDX-License-Identifier: Apache-2.0
// What the suite runs for an op: the op's inputs, with what they are filled, and the node.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "treino/base/host_tensor.h"
#include "treino/graph/graph.h"

namespace treino::conformance {

enum class Fill {
  normal,    // mean 0, deviation 1.5
  positive,  // 0.2 .. 3
  apart,     // every two elements of all inputs at least 0.04 apart, and so far from whole numbers
  whole,     // 0 .. 4: many ties
  counting,  // 1 .. 5, for integers that are divided by or whose root is taken
  bytes,     // 0 .. 255 with fractions
};

struct Input {
  std::string name;
  TensorType type;
  Fill fill = Fill::normal;
  bool smooth = true;  // the op has a derivative with respect to it
};

struct Case {
  std::string name;  // shapes and attributes, for a failure's line
  std::vector<Input> inputs;
  std::function<Value(Graph&, const std::vector<Value>&)> node;  // its first output
};

// The op's cases. Elementwise ops need no entry of their own; every other op has one, and one that
// has none fails the suite.
std::vector<Case> cases_of(Op op);

// A case as a graph: variables of the inputs' names, "out0" .. for each output.
void emit(const Case& one, Graph& graph);

// What an input holds; `place` tells the inputs of a case apart.
HostTensor filled(const Input& input, std::size_t place);

// Parts of cases_of().
std::vector<Case> elementwise_cases(Op op);
std::vector<Case> movement_cases(Op op);
std::vector<Case> reduction_cases(Op op);
std::vector<Case> batch_cases(Op op);  // gather and random
std::vector<Case> convolution_cases(Op op);
std::vector<Case> pool_cases(Op op);
std::vector<Case> norm_pool_cases(Op op);
std::vector<Case> product_cases(Op op);
std::vector<Case> norm_cases(Op op);
std::vector<Case> special_cases(Op op);  // sources, effects, fused

// A case that adds the op to its inputs as they are.
Case plain_case(Op op, std::string name, std::vector<Input> inputs,
                Attributes attributes = NoAttributes{});

}  // namespace treino::conformance
