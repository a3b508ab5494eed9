// SPDX-License-Identifier: Apache-2.0
// A convolution's two gradients in one pass over dy give the bits they give by themselves.
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

struct Shapes {
  Index batch = 32, height = 15, width = 12, channels = 32, filters = 40;
};

// The gradients of sum(w conv2d(x, kernel)): dy is w. With `first`, x is data and has none.
Program gradients(const Shapes& s, bool first = false) {
  Graph g;
  const auto f32 = [&](const char* name, Shape shape, Role role = Role::parameter) {
    return g.variable(name, {shape, DType::f32}, role);
  };
  const Value x = f32("x", Shape{s.batch, s.height, s.width, s.channels});
  const Value kernel = f32("kernel", Shape{3, 3, s.channels, s.filters});
  WindowAttributes three;
  three.size = {3, 3};
  three.pad_before = {1, 0};
  const Value y = conv2d(x, kernel, three);
  const Value loss = reduce_sum(y * f32("w", y.shape()), {0, 1, 2, 3});
  if (!first) assign(f32("dx", x.shape(), Role::metric), gradient(loss, x));
  assign(f32("dkernel", kernel.shape(), Role::metric), gradient(loss, kernel));
  return compiler::compile(g, make_device("cpu", {.threads = 1, .onednn = false})->target());
}

int joined(const Program& program, int workers) {
  PlanOptions options;
  options.kernels = &choose_kernels();
  options.onednn = false;
  Plan plan = make_plan(program, options);
  const std::size_t before = plan.phases.size();
  const std::size_t after = join_gradients(plan, workers).size();
  EXPECT_EQ(plan.phases.size(), before);  // a profile runs those
  return static_cast<int>(before - after);
}

// dx and dkernel as some threads compute them.
std::pair<HostTensor, HostTensor> run(const Program& program, int threads) {
  const auto device = make_device("cpu", {.threads = threads, .onednn = false});
  const test::Run run(*device, program);
  return {run.store->read("dx"), run.store->read("dkernel")};
}

TEST(JoinGradients, GivesTheBitsOfEachByItself) {
  if (choose_kernels().lanes < 8) GTEST_SKIP() << "no such convolution with short vectors";
  for (const Shapes& shapes : {Shapes{}, Shapes{.batch = 19, .height = 29, .width = 17},
                               Shapes{.channels = 17, .filters = 96}}) {
    const Program program = gradients(shapes);
    ASSERT_EQ(joined(program, 1), 1);
    ASSERT_EQ(joined(program, 9), 0);
    const auto [dx, dkernel] = run(program, 9);
    for (const int threads : {1, 3}) {
      const auto [same_dx, same_dkernel] = run(program, threads);
      EXPECT_EQ(same_dx.bytes, dx.bytes);
      EXPECT_EQ(same_dkernel.bytes, dkernel.bytes);
    }
  }
}

TEST(JoinGradients, LeavesAFirstConvolutionAndDirectOnesAlone) {
  EXPECT_EQ(joined(gradients({}, true), 1), 0);
  EXPECT_EQ(joined(gradients({.channels = 3}), 1), 0);
}

}  // namespace
}  // namespace treino::cpu
