// SPDX-License-Identifier: Apache-2.0
// Slices of samples: by the largest tensor that goes from one phase to the next, not by threads.
#include <gtest/gtest.h>

#include "treino/backend/cpu/plan.h"
#include "treino/backend/devices.h"
#include "treino/compiler/compile.h"
#include "treino/graph/build.h"

namespace treino::cpu {
namespace {

using namespace treino::graph;

// Phases of relu(conv2d(x)) under max pooling, 8 channels to 32.
std::vector<Phase> phases_of(Index batch, Index image) {
  const auto device = make_device("cpu", {.threads = 1});
  Graph g;
  const Value x = g.variable("x", {Shape{batch, image, image, 8}, DType::f32}, Role::parameter);
  const Value kernel = g.variable("kernel", {Shape{5, 5, 8, 32}, DType::f32}, Role::parameter);
  WindowAttributes five, two;
  five.size = {5, 5};
  two.size = two.stride = {2, 2};
  const Value y = max_pool(relu(conv2d(x, kernel, five)), two);
  assign(g.variable("y", y.type(), Role::metric), y);
  PlanOptions options;
  options.kernels = &choose_kernels();
  options.onednn = false;
  return make_plan(compiler::compile(g, device->target()), options).phases;
}

TEST(RowSlices, OfAUsualBatchAreSixteen) {
  for (const Phase& phase : phases_of(32, 24)) EXPECT_EQ(phase.slices, kRowSlices);
}

TEST(RowSlices, OfALargeBatchAreMoreAndTheSameForEveryPhase) {
  // 256 x 20 x 20 x 32 floats are 12.5 MiB: 25 slices of half a MiB.
  const std::vector<Phase> phases = phases_of(256, 24);
  ASSERT_GE(phases.size(), 2U);
  for (const Phase& phase : phases) EXPECT_EQ(phase.slices, 25);
}

TEST(RowSlices, HaveALimit) {
  for (const Phase& phase : phases_of(1024, 24)) EXPECT_EQ(phase.slices, 64);
}

}  // namespace
}  // namespace treino::cpu
