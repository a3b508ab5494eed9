// SPDX-License-Identifier: Apache-2.0
#include "treino/train/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "treino/backend/devices.h"
#include "treino/base/error.h"
#include "treino/train/idle.h"

namespace treino::train {
namespace {

using testing::HasSubstr;

constexpr const char* kRecipe =
    "name = \"tiny\"\n[input]\nshape = [4, 4, 2]\n[[model]]\nflatten = {}\n"
    "[[model]]\ndense = { units = 3, activation = \"softmax\" }\n[train]\nbatch = 8\n";

StepProfile made_up() {
  StepProfile profile;
  profile.name = "made up";
  profile.batch = 32;
  profile.step_seconds = 200e-6;
  profile.ops = {{"conv2d", "conv2d_1", "[1]", "own", "a", 100e-6, 9e6, 100e3},
                 {"fused", "optimizer", "[2]", "own", "b", 80e-6, 0, 100e3},
                 {"window", "batch", "[3]", "own", "c", 0.1e-6, 0, 10}};
  return profile;
}
const Limits kLimits{100e9, 10e9, 2};

TEST(Profile, EveryStepOfTheProgramIsTimedAndNamed) {
  const auto device = make_device("cpu", {.threads = 1});
  const StepProfile profile = profile_step(nn::parse_recipe(kRecipe, "tiny.toml"), *device,
                                           {.seconds = 0.01, .repetitions = 3});
  EXPECT_EQ(profile.batch, 8);
  EXPECT_GT(profile.step_seconds, 0);
  EXPECT_GT(profile.touched_bytes, 0);
  double product = 0;
  for (const OpProfile& op : profile.ops) {
    EXPECT_LT(op.seconds, 1e8) << op.op << " was not timed";
    EXPECT_FALSE(op.kernel.empty());
    if (op.op == "matmul") product += op.flops;
  }
  EXPECT_EQ(product, 2 * 2.0 * 8 * 32 * 3);  // forward and the weights' gradient
}

TEST(Profile, ARecipeWithoutAShapeIsRefused) {
  nn::Recipe recipe = nn::parse_recipe(kRecipe, "tiny.toml");
  recipe.input.shape.clear();
  const auto device = make_device("cpu", {.threads = 1});
  EXPECT_THROW(profile_step(recipe, *device), Error);
}

TEST(Profile, WhatLosesMostAgainstItsFloorComesFirst) {
  const StepProfile profile = made_up();  // floors: 90 us and 10 us
  const auto order = worst_first(profile, kLimits);
  EXPECT_EQ(order[0]->op, "fused");
  EXPECT_EQ(order[1]->op, "conv2d");
}

TEST(Profile, TextSaysSharesFloorsAndWhatIsLeftOut) {
  const std::string text = to_text(made_up(), kLimits, false);
  EXPECT_THAT(text, HasSubstr("    100.00  55.5%     90.0     1.0    90%  conv2d"));
  EXPECT_THAT(text, HasSubstr("the step takes 2.22 times that"));
  EXPECT_THAT(text, HasSubstr("fused of optimizer: 80.0 us, 70.0 above its floor (traffic)"));
  EXPECT_THAT(text, HasSubstr("ops below 0.5 % each"));
  EXPECT_THAT(to_text(made_up(), kLimits, true), HasSubstr("window"));
}

TEST(Profile, SaysWhichKernelWonAndByHowMuch) {
  StepProfile profile = made_up();
  profile.heavy = {
      {"conv2d", "conv2d_1", "a", {{"direct", 90e-6}, {"winograd", 60e-6}}, "winograd", false}};
  const std::string text = to_text(profile, kLimits, false);
  EXPECT_THAT(text, HasSubstr("      90.0       60.0          -  winograd    1.50x   1.50x"));
  const auto json = nlohmann::json::parse(to_json(profile, kLimits));
  EXPECT_EQ(json["ops"][0]["candidates"]["winner"], "winograd");
  EXPECT_NEAR(json["ops"][0]["candidates"]["lead"].get<double>(), 1.5, 1e-9);
  EXPECT_FALSE(json["ops"][1].contains("candidates"));
}

TEST(Profile, EveryConvolutionIsComparedUnlessNotWanted) {
  const auto device = make_device("cpu", {.threads = 1});
  const nn::Recipe conv = nn::parse_recipe(
      "name = \"tiny\"\n[input]\nshape = [8, 8, 4]\n"
      "[[model]]\nconv2d = { filters = 4, kernel = 3 }\n[[model]]\nflatten = {}\n"
      "[[model]]\ndense = { units = 3, activation = \"softmax\" }\n[train]\nbatch = 8\n",
      "tiny.toml");
  const StepProfile compared =
      profile_step(conv, *device, {.seconds = 0.01, .repetitions = 3, .candidate_seconds = 1e-3});
  ASSERT_EQ(compared.heavy.size(), 2U);  // forward and the kernel's gradient
  const auto json = nlohmann::json::parse(to_json(compared, kLimits));
  int with_candidates = 0;
  for (const auto& op : json["ops"]) with_candidates += op.contains("candidates") ? 1 : 0;
  EXPECT_EQ(with_candidates, 2);
  EXPECT_TRUE(
      profile_step(conv, *device, {.seconds = 0.01, .repetitions = 3, .candidate_seconds = 0})
          .heavy.empty());
}

// Of 10 us each launching nothing takes 4. The second and third need the first, the last both.
StepProfile made_up_on_gpu() {
  StepProfile profile = made_up();
  profile.step_seconds = 40e-6;
  profile.empty_launch = 4e-6;
  profile.launches = {
      {"a", 0, 10e-6, {}}, {"b", 1, 20e-6, {0}}, {"c", 1, 3e-6, {0}}, {"d", 2, 5e-6, {1, 2}}};
  return profile;
}

TEST(Profile, IdleSharesFollowFromWorkAndItsLongestChain) {
  const StepProfile profile = made_up_on_gpu();
  const Idle idle = idle_of(profile.step_seconds, profile.launches, profile.empty_launch);
  EXPECT_EQ(idle.launches, 4);
  EXPECT_EQ(idle.longest, 3);
  EXPECT_NEAR(idle.alone, 38e-6, 1e-12);
  EXPECT_NEAR(idle.work, 23e-6, 1e-12);   // 6 + 16 + 0 + 1
  EXPECT_NEAR(idle.chain, 23e-6, 1e-12);  // a, b, d
  EXPECT_NEAR(idle.most, 17.0 / 40, 1e-9);
  StepProfile wide = profile;
  wide.launches[2].seconds = 14e-6;  // beside b
  EXPECT_NEAR(idle_of(40e-6, wide.launches, 4e-6).least, 7.0 / 40, 1e-9);
  EXPECT_NEAR(idle_of(40e-6, wide.launches, 4e-6).most, 17.0 / 40, 1e-9);
  EXPECT_EQ(idle_of(20e-6, wide.launches, 4e-6).least, 0);
}

TEST(Profile, OfAGpuSaysItsNameAndForHowLongItIdles) {
  const Limits limits{100e9, 10e9, 0, "Some GPU"};
  const std::string text = to_text(made_up_on_gpu(), limits, false);
  EXPECT_THAT(text, HasSubstr("Some GPU; by its clocks it reaches 100 GFLOP/s"));
  EXPECT_THAT(text, HasSubstr("4 a step, 3 of them one after the other"));
  EXPECT_THAT(text, HasSubstr("without work for 42 to 42 % of a step"));
  EXPECT_THAT(text, HasSubstr("     16.00  b  "));
  const auto json = nlohmann::json::parse(to_json(made_up_on_gpu(), limits));
  EXPECT_EQ(json["device"], "Some GPU");
  EXPECT_EQ(json["launches"][3]["after"], (std::vector<int>{1, 2}));
  EXPECT_NEAR(json["idle_most"].get<double>(), 17.0 / 40, 1e-9);
}

TEST(Profile, JsonHoldsEveryOp) {
  const auto json = nlohmann::json::parse(to_json(made_up(), kLimits));
  EXPECT_EQ(json["ops"].size(), 3U);
  EXPECT_NEAR(json["floor_us"].get<double>(), 90, 1e-9);
  EXPECT_NEAR(json["ops"][1]["floor_us"].get<double>(), 10, 1e-9);
}

}  // namespace
}  // namespace treino::train
