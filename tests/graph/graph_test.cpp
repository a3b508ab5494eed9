// SPDX-License-Identifier: Apache-2.0
#include "treino/graph/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "treino/graph/build.h"

namespace treino {
namespace {

using namespace graph;
using testing::HasSubstr;

Value parameter(Graph& g, const char* name, Shape shape) {
  return g.variable(name, {shape, DType::f32}, Role::parameter);
}

template <typename F>
std::string message_of(F&& build) {
  try {
    build();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::mistake);
    return error.what();
  }
  return "no error";
}

TEST(Graph, PrintsOneLineANode) {
  Graph g;
  const Value x = parameter(g, "x", Shape{4, 3}), w = parameter(g, "w", Shape{3, 2});
  const Value b = parameter(g, "b", Shape{2});
  g.set_scope("dense_1");
  relu(matmul(x, w) + b);
  EXPECT_EQ(to_text(g),
            "%0 = variable x : f32[4, 3]\n"
            "%1 = variable w : f32[3, 2]\n"
            "%2 = variable b : f32[2]\n"
            "%3 = matmul(%0, %1) : f32[4, 2]  ; dense_1\n"
            "%4 = broadcast(%2) : f32[4, 2]  ; dense_1\n"
            "%5 = add(%3, %4) : f32[4, 2]  ; dense_1\n"
            "%6 = relu(%5) : f32[4, 2]  ; dense_1\n");
  EXPECT_THAT(to_dot(g), HasSubstr("n3 -> n5"));
}

TEST(Graph, BroadcastsAsNumpyDoes) {
  Graph g;
  const Value a = parameter(g, "a", Shape{4, 1, 3}), b = parameter(g, "b", Shape{5, 1});
  EXPECT_EQ((a * b).shape(), (Shape{4, 5, 3}));
  EXPECT_EQ((a * 2.0).shape(), a.shape());
}

TEST(Graph, RefusesWhatDoesNotFit) {
  Graph g;
  g.set_scope("dense_1");
  const Value a = parameter(g, "a", Shape{4, 3}), b = parameter(g, "b", Shape{4, 2});
  EXPECT_EQ(message_of([&] { matmul(a, b); }),
            "dense_1: matmul wants equal inner extents, got f32[4, 3], f32[4, 2]");
  EXPECT_THAT(message_of([&] { (void)(a + b); }), HasSubstr("do not broadcast"));
  EXPECT_THAT(message_of([&] { reshape(a, Shape{5}); }), HasSubstr("as many elements as [5]"));
  EXPECT_THAT(message_of([&] {
                g.variable("a", {Shape{1}, DType::f32}, Role::parameter);
              }),
              HasSubstr("variable a is already f32[4, 3]"));
  WindowAttributes window;
  const Value image = parameter(g, "image", Shape{1, 4, 4, 1});
  EXPECT_THAT(message_of([&] {
                conv2d(image, parameter(g, "k", Shape{5, 5, 1, 2}), window);
              }),
              HasSubstr("a kernel no larger than the padded image"));
}

TEST(Graph, ConvolutionShapes) {
  Graph g;
  const Value x = parameter(g, "x", Shape{2, 9, 7, 4}), k = parameter(g, "k", Shape{3, 3, 2, 6});
  WindowAttributes window;
  window.stride = {2, 1};
  window.dilation = {1, 2};
  window.pad_after = {1, 0};
  window.groups = 2;
  EXPECT_EQ(conv2d(x, k, window).shape(), (Shape{2, 4, 3, 6}));
}

TEST(Graph, ReductionsDropTheirAxes) {
  Graph g;
  const Value x = parameter(g, "x", Shape{2, 3, 4});
  EXPECT_EQ(reduce_sum(x, {0, 2}).shape(), (Shape{3}));
  EXPECT_EQ(argmax(x).type(), (TensorType{Shape{2, 3}, DType::i32}));
  EXPECT_EQ(reduce_sum(x, {0, 1, 2}).shape(), Shape{});
}

}  // namespace
}  // namespace treino
