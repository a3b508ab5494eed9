// SPDX-License-Identifier: Apache-2.0
// Shapes, names and parameters of every layer.
#include "treino/nn/layers.h"

#include <gtest/gtest.h>

#include <set>

#include "treino/graph/build.h"
#include "treino/nn/loss.h"

namespace treino::nn {
namespace {

Shape output(Shape input, Layer layer) {
  return layer.output(input);
}

// The shape inferred is the shape emitted.
Shape emitted(const Shape& input, const Layer& layer, bool training) {
  Graph graph;
  Shape batch{3};
  for (std::int64_t extent : input) batch.append(extent);
  const TensorType counter{Shape{}, DType::i64};
  Emit emit = training ? Emit(graph, graph.variable("seed", counter, Role::counter),
                              graph.variable("position", counter, Role::counter))
                       : Emit(graph, false);
  const Value y = emit.sequence("", {layer}, graph.variable("x", {batch, DType::f32}, Role::data));
  EXPECT_EQ(y.shape()[0], 3);
  return y.shape().sub(1, y.shape().rank());
}

TEST(Layers, OutputShapes) {
  const struct {
    Shape input;
    Layer layer;
    Shape output;
  } kCases[] = {
      {{784}, Dense{.units = 128}, {128}},
      {{5, 7, 3}, Dense{.units = 4, .activation = softmax}, {5, 7, 4}},
      {{28, 28, 1}, Conv2D{.filters = 8, .kernel = 3}, {26, 26, 8}},
      {{28, 28, 1}, Conv2D{.filters = 8, .kernel = 3, .padding = same}, {28, 28, 8}},
      {{28, 27, 1}, Conv2D{.filters = 8, .kernel = Pair(3, 5), .stride = 2}, {13, 12, 8}},
      {{28, 27, 1}, Conv2D{.filters = 8, .kernel = 3, .stride = 2, .padding = same}, {14, 14, 8}},
      {{28, 28, 4}, Conv2D{.filters = 8, .kernel = 3, .dilation = 3, .groups = 2}, {22, 22, 8}},
      {{3, 3, 1}, Conv2D{.filters = 2, .kernel = 5, .padding = same}, {3, 3, 2}},
      {{15, 15, 4}, MaxPool{}, {7, 7, 4}},
      {{15, 15, 4}, MaxPool{.padding = same}, {8, 8, 4}},
      {{15, 15, 4}, MaxPool{.size = 3, .stride = 1}, {13, 13, 4}},
      {{15, 14, 4}, AvgPool{.size = Pair(2, 3), .stride = Pair(2, 3)}, {7, 4, 4}},
      {{15, 14, 4}, AvgPool{.size = 3, .stride = 2, .padding = same}, {8, 7, 4}},
      {{15, 14, 4}, GlobalAvgPool{}, {4}},
      {{15, 14, 4}, GlobalMaxPool{}, {4}},
      {{30}, Embedding{.vocabulary = 10, .units = 4}, {30, 4}},
      {{30, 4}, Conv1D{.filters = 8, .kernel = 5}, {26, 8}},
      {{30, 4},
       Conv1D{.filters = 8, .kernel = 5, .stride = 2, .groups = 2, .padding = same},
       {15, 8}},
      {{30, 4}, Conv1D{.filters = 8, .kernel = 3, .dilation = 4}, {22, 8}},
      {{30, 4}, GlobalAvgPool{}, {4}},
      {{30, 4}, GlobalMaxPool{}, {4}},
      {{5, 6, 7}, Flatten{}, {210}},
      {{9}, Flatten{}, {9}},
      {{5, 6, 7}, BatchNorm{}, {5, 6, 7}},
      {{9}, BatchNorm{}, {9}},
      {{5, 6, 7}, LayerNorm{}, {5, 6, 7}},
      {{9}, Dropout{.rate = 0.25}, {9}},
      {{5, 6, 7}, Dropout{.rate = 0}, {5, 6, 7}},
      {{5, 6, 7}, Activate{.function = softmax}, {5, 6, 7}},
      {{5, 6, 7}, ScaleBy{.factor = 0.125}, {5, 6, 7}},
      {{6, 6, 4},
       Residual{.body = {Conv2D{.filters = 4, .kernel = 3, .padding = same}}},
       {6, 6, 4}},
      {{6, 6, 4},
       Residual{.body = {Conv2D{.filters = 8, .kernel = 3, .stride = 2, .padding = same}},
                .shortcut = {Conv2D{.filters = 8, .kernel = 1, .stride = 2}}},
       {3, 3, 8}},
  };
  std::set<std::string_view> seen;
  for (const auto& test : kCases) {
    SCOPED_TRACE(std::string(test.layer.name()) + " of " + to_string(test.input));
    EXPECT_EQ(output(test.input, test.layer), test.output);
    EXPECT_EQ(emitted(test.input, test.layer, false), test.output);
    EXPECT_EQ(emitted(test.input, test.layer, true), test.output);
    seen.insert(test.layer.name());
  }
  EXPECT_EQ(seen.size(), layer_names().size()) << "every layer has a case";
}

TEST(Layers, EveryActivationKeepsTheShape) {
  for (std::size_t i = 0; i < names_of(Activation{}).size(); ++i) {
    const Layer layer = Activate{.function = static_cast<Activation>(i)};
    EXPECT_EQ(emitted({2, 3, 4}, layer, true), (Shape{2, 3, 4})) << names_of(Activation{})[i];
  }
}

TEST(Layers, SamePaddingPutsTheOddElementAfter) {
  const WindowAttributes window = window_over({6, 5, 1}, 3, 2, 1, same);
  EXPECT_EQ(window.pad_before[0], 0);  // 3 outputs reach 7 of 6
  EXPECT_EQ(window.pad_after[0], 1);
  EXPECT_EQ(window.pad_before[1], 1);  // 3 outputs reach 7 of 5
  EXPECT_EQ(window.pad_after[1], 1);
}

TEST(Model, VariablesAreNamedByTypeAndCount) {
  const Model model =
      input({8, 8, 3}) | Conv2D{.filters = 4, .kernel = 3, .bias = false} | BatchNorm{} |
      Residual{.body = {Conv2D{.filters = 4, .kernel = 3, .padding = same}, BatchNorm{},
                        Residual{.body = {Dense{.units = 4}}}, Conv2D{.filters = 6, .kernel = 1}},
               .shortcut = {Conv2D{.filters = 6, .kernel = 1}}} |
      Conv2D{.filters = 2, .kernel = 3} | Flatten{} | LayerNorm{} | Dense{.units = 5};
  std::vector<std::string> names;
  for (const LayerVariable& variable : variables(model)) {
    names.push_back(variable.name + (variable.role == Role::statistic ? " (statistic)" : ""));
  }
  const std::vector<std::string> expected{"conv2d_1.kernel",
                                          "batch_norm_1.gamma",
                                          "batch_norm_1.beta",
                                          "batch_norm_1.mean (statistic)",
                                          "batch_norm_1.variance (statistic)",
                                          "residual_1.body.conv2d_1.kernel",
                                          "residual_1.body.conv2d_1.bias",
                                          "residual_1.body.batch_norm_1.gamma",
                                          "residual_1.body.batch_norm_1.beta",
                                          "residual_1.body.batch_norm_1.mean (statistic)",
                                          "residual_1.body.batch_norm_1.variance (statistic)",
                                          "residual_1.body.residual_1.body.dense_1.kernel",
                                          "residual_1.body.residual_1.body.dense_1.bias",
                                          "residual_1.body.conv2d_2.kernel",
                                          "residual_1.body.conv2d_2.bias",
                                          "residual_1.shortcut.conv2d_1.kernel",
                                          "residual_1.shortcut.conv2d_1.bias",
                                          "conv2d_2.kernel",
                                          "conv2d_2.bias",
                                          "layer_norm_1.gamma",
                                          "layer_norm_1.beta",
                                          "dense_1.kernel",
                                          "dense_1.bias"};
  EXPECT_EQ(names, expected);
}

TEST(Model, KernelsHaveKerasShapes) {
  const Model model = input({8, 8, 6}) | Conv2D{.filters = 4, .kernel = Pair(3, 5), .groups = 2} |
                      Flatten{} | Dense{.units = 7};
  const auto tensors = variables(model);
  EXPECT_EQ(tensors[0].shape, (Shape{3, 5, 3, 4}));
  EXPECT_EQ(tensors[1].shape, (Shape{4}));
  EXPECT_EQ(tensors[2].shape, (Shape{6 * 4 * 4, 7}));
}

TEST(Model, EqualityLooksAtEveryFieldButTheLine) {
  const Model model = input({4}) | Dense{.units = 3};
  EXPECT_TRUE(model == (input({4}) | Dense{.units = 3}));
  EXPECT_FALSE(model == (input({4}) | Dense{.units = 3, .bias = false}));
  EXPECT_FALSE(model == (input({5}) | Dense{.units = 3}));
  EXPECT_FALSE(model == (input({4}) | Activate{}));
  EXPECT_TRUE(Layer(MaxPool{.size = 2}) == Layer(MaxPool{.size = 2, .stride = 2}));
}

TEST(Model, FoldingTakesOnlyTheFinalFunction) {
  const std::vector<Layer> layers{Dense{.units = 3, .activation = softmax},
                                  Dense{.units = 3, .activation = softmax}};
  const std::vector<Layer> folded = without_activation(layers, softmax);
  EXPECT_EQ(folded[0], layers[0]);
  EXPECT_EQ(folded[1], Layer(Dense{.units = 3}));
  EXPECT_EQ(without_activation(layers, sigmoid)[1], layers[1]);
  const std::vector<Layer> alone{Activate{.function = sigmoid}};
  EXPECT_EQ(without_activation(alone, sigmoid)[0], Layer(Activate{}));
}

}  // namespace
}  // namespace treino::nn
