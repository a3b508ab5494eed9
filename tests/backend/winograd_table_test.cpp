// SPDX-License-Identifier: Apache-2.0
// What the fixed table says of Winograd: it pays once its saved multiplications outweigh taking the
// kernel into its domain.
#include <gtest/gtest.h>

#include "treino/backend/cpu/plan.h"
#include "treino/backend/devices.h"
#include "treino/compiler/compile.h"
#include "treino/graph/build.h"

namespace treino::cpu {
namespace {

using namespace treino::graph;

// What serves a convolution of 3x3, padded to the image's size.
std::string served(Index batch, Index image, Index from = 32, Index to = 64) {
  Graph g;
  const Value x = g.variable("x", {Shape{batch, image, image, from}, DType::f32}, Role::parameter);
  const Value kernel = g.variable("kernel", {Shape{3, 3, from, to}, DType::f32}, Role::parameter);
  WindowAttributes window;
  window.size = {3, 3};
  window.pad_before = window.pad_after = {1, 1};
  assign(g.variable("y", {Shape{batch, image, image, to}, DType::f32}, Role::metric),
         conv2d(x, kernel, window));
  const auto device = make_device("cpu", {.threads = 1});
  PlanOptions options;
  options.kernels = &choose_kernels();
  options.onednn = false;
  const Plan plan = make_plan(compiler::compile(g, device->target()), options);
  return plan.heavy.at(0).kernel;
}

TEST(WinogradTable, CountsTheKernelsOwnWay) {
  if (choose_kernels().lanes < 8) GTEST_SKIP() << "direct everywhere with short vectors";
  EXPECT_EQ(served(1, 4), "direct");
  EXPECT_EQ(served(2, 4), "direct");
  EXPECT_EQ(served(32, 4), "winograd");
  for (const Index batch : {1, 2, 32}) {
    EXPECT_EQ(served(batch, 8), "winograd") << batch;
    EXPECT_EQ(served(batch, 13), "winograd") << batch;
  }
}

TEST(WinogradTable, TakesPicturesOfFewChannels) {
  if (choose_kernels().lanes < 8) GTEST_SKIP() << "direct everywhere with short vectors";
  EXPECT_EQ(served(32, 32, 3, 32), "winograd");
  EXPECT_EQ(served(32, 28, 1, 8), "winograd");
  EXPECT_EQ(served(32, 32, 3, 6), "direct");
  EXPECT_EQ(served(32, 32, 8, 32), "direct");
  EXPECT_EQ(served(32, 96, 3, 64), "direct") << "y is written past the cache";
}

}  // namespace
}  // namespace treino::cpu
