// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "treino/nn/layers.h"
#include "treino/nn/recipe.h"

namespace treino::nn {
namespace {

TEST(Summary, CountsThePaperFigures) {
  const ModelSummary summary = summarize(build_model(load_recipe("cifar10"), Shape{}));
  EXPECT_EQ(summary.parameters, 167'754);
  EXPECT_EQ(summary.statistics, 192);
  EXPECT_EQ(summary.layers[0].name, "conv2d_1");
  EXPECT_EQ(summary.layers[0].parameters, 896);
  EXPECT_EQ(summary.layers[0].output, (Shape{30, 30, 32}));
  EXPECT_EQ(summary.layers[0].activation_bytes, 30 * 30 * 32 * 4);
  EXPECT_EQ(summary.layers[0].flop, 2 * 777'600 + 2 * 30 * 30 * 32);  // products, bias, relu
  EXPECT_EQ(summary.layers[6].type, "flatten");
  EXPECT_EQ(summary.layers[6].flop, 0);
  EXPECT_EQ(summary.layers[6].activation_bytes, 0);
}

TEST(Summary, ResidualHoldsItsLayers) {
  const Model model = input({4, 4, 2}) |
                      Residual{.body = {Conv2D{.filters = 2, .kernel = 1, .bias = false},
                                        Activate{.function = relu}}} |
                      Flatten{};
  const ModelSummary summary = summarize(model);
  ASSERT_EQ(summary.layers.size(), 4U);
  EXPECT_EQ(summary.layers[0].parameters, 4);
  EXPECT_EQ(summary.layers[1].name, "residual_1.body.conv2d_1");
  EXPECT_EQ(summary.layers[1].depth, 1);
  EXPECT_EQ(summary.layers[0].flop, 2 * 32 * 2 + 32 + 32);
  EXPECT_EQ(summary.layers[0].activation_bytes, 3 * 32 * 4);
  EXPECT_EQ(summary.parameters, 4);
  EXPECT_EQ(summary.flop, summary.layers[0].flop);
}

TEST(Summary, Table) {
  const Model model =
      input({4}) | Residual{.body = {Dense{.units = 4, .activation = relu}}} | Dense{.units = 2};
  EXPECT_EQ(to_text(summarize(model)),
            "layer           output  parameters  FLOP  activations\n"
            "─────────────────────────────────────────────────────\n"
            "input           [4]\n"
            "residual_1      [4]             20    44         32 B\n"
            "  body.dense_1  [4]             20    40         16 B\n"
            "dense_1         [2]             10    18          8 B\n"
            "─────────────────────────────────────────────────────\n"
            "total                           30    62         40 B\n"
            "\n"
            "30 trainable numbers (120 B); FLOP and activation bytes are those of one sample's "
            "inference\n");
}

TEST(Summary, Json) {
  const auto json =
      nlohmann::json::parse(to_json(summarize(build_model(load_recipe("mnist"), Shape{}))));
  EXPECT_EQ(json["parameters"], 101'770);
  EXPECT_EQ(json["input"], (std::vector<int>{28, 28, 1}));
  EXPECT_EQ(json["layers"].size(), 4U);
  EXPECT_EQ(json["layers"][1]["name"], "dense_1");
  EXPECT_EQ(json["layers"][1]["output"], (std::vector<int>{128}));
}

TEST(Summary, DotShowsBothPathsOfAResidual) {
  const Model model = input({4}) | Residual{.body = {Dense{.units = 4}}} | Dense{.units = 2};
  const std::string dot = to_dot(model);
  for (const char* line :
       {"n1 [label=\"residual +\\n[4]\"", "n0 -> n2;", "n2 -> n1;", "n0 -> n1;", "n1 -> n3;"}) {
    EXPECT_THAT(dot, testing::HasSubstr(line));
  }
}

}  // namespace
}  // namespace treino::nn
