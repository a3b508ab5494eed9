// SPDX-License-Identifier: Apache-2.0
// A pooling that takes rows from its convolution gives the bits it gives by itself.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/drawn.h"
#include "treino/backend/cpu/plan.h"
#include "treino/backend/devices.h"
#include "treino/compiler/compile.h"
#include "treino/graph/build.h"

namespace treino::cpu {
namespace {

using namespace treino::graph;

constexpr Index kBatch = 37, kHeight = 23, kWidth = 18, kFilters = 19;

struct Result {
  bool joined = false;
  std::vector<float> pooled;
};

// Images of bytes, scaled, a convolution of 3x3 with bias and relu, scale and shift, max pooling;
// `also` reads what is pooled, so that it must be there.
Result run(Index pool, bool also, int threads) {
  Graph g;
  const auto f32 = [&](const char* name, Shape shape, Role role = Role::parameter) {
    return g.variable(name, {shape, DType::f32}, role);
  };
  const Value images =
      g.variable("images", {Shape{kBatch, kHeight, kWidth, 3}, DType::u8}, Role::data);
  const Value x = cast(images, DType::f32) * (1 / 255.0);
  WindowAttributes three, window;
  three.size = {3, 3};
  three.pad_before = {1, 0};
  window.size = window.stride = {pool, pool};
  const Value y = relu(conv2d(x, f32("kernel", Shape{3, 3, 3, kFilters}), three) +
                       f32("bias", Shape{kFilters}));
  const Value pooled =
      max_pool(y * f32("scale", Shape{kFilters}) + f32("shift", Shape{kFilters}), window);
  assign(f32("pooled", pooled.shape(), Role::metric), pooled);
  if (also) assign(f32("y", y.shape(), Role::metric), y);

  const auto device = make_device("cpu", {.threads = threads, .onednn = false});
  const Program program = compiler::compile(g, device->target());
  const test::Run run(*device, program);
  Result result;
  const auto choices = run.executable->choices();
  result.joined = std::ranges::find(choices, "with the convolution") != choices.end();
  const HostTensor out = run.store->read("pooled");
  result.pooled.assign(out.as<float>().begin(), out.as<float>().end());
  return result;
}

TEST(JoinPools, GivesTheBitsOfThePoolingByItself) {
  if (choose_kernels().lanes < 8) GTEST_SKIP() << "no such convolution with short vectors";
  for (const Index pool : {1, 2, 4}) {
    const Result apart = run(pool, true, 1);
    EXPECT_FALSE(apart.joined);
    for (const int threads : {1, 2}) {
      const Result joined = run(pool, false, threads);
      EXPECT_TRUE(joined.joined) << pool;
      EXPECT_EQ(joined.pooled, apart.pooled) << pool;
    }
  }
}

TEST(JoinPools, LeavesWindowsThatTilesCutThrough) {
  EXPECT_FALSE(run(3, false, 1).joined);
}

}  // namespace
}  // namespace treino::cpu
