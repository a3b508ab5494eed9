// SPDX-License-Identifier: Apache-2.0
// The passes, graph -> graph, each in a file of its name; pipeline.cpp lists them in order.
#pragma once

#include "treino/graph/graph.h"
#include "treino/runtime/program.h"
#include "treino/runtime/target.h"

namespace treino::compiler {

using Pass = void (*)(const Graph& from, Graph& to, const Target& target);

// Replaces `gradient` placeholders by the nodes that compute them.
void differentiate(const Graph& from, Graph& to, const Target& target);
// Evaluates what is constant and drops what does nothing: x + 0, x 1, reshape of reshape.
void fold(const Graph& from, Graph& to, const Target& target);
// One node for equal ops of equal inputs.
void common_subexpressions(const Graph& from, Graph& to, const Target& target);
// Moves transposes into the products that read them.
void layout(const Graph& from, Graph& to, const Target& target);
// Puts ops that round before products of less than f32, where the target's own do not.
void round_products(const Graph& from, Graph& to, const Target& target);
// Bias and activation into the epilogue of the product or convolution before them, where the target
// can.
void fuse_epilogues(const Graph& from, Graph& to, const Target& target);
// Max pooling of a batch norm into one op, their gradients and a relu's mask before them into
// another.
void fuse_norm_pool(const Graph& from, Graph& to, const Target& target);
// A scale and a shift, one a channel, before max pooling into the pooling.
void fuse_pool_affine(const Graph& from, Graph& to, const Target& target);
// Rows and columns of a convolution that the pooling after it, its only reader, leaves over are not
// computed: it pads by less than nothing after the image.
void crop_pooled(const Graph& from, Graph& to, const Target& target);
// Elementwise ops of one shape and type, with the broadcasts they read, into `fused` nodes.
void fuse_elementwise(const Graph& from, Graph& to, const Target& target);

// Gives an assign of one variable to another a value of its own, so that swaps come out right.
void separate_variables(const Graph& from, Graph& to, const Target& target);

// Orders the nodes, decides what is written in place and where everything lives.
Program lower(const Graph& graph, const Target& target, const std::string& name);

}  // namespace treino::compiler
