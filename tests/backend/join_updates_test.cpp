// SPDX-License-Identifier: Apache-2.0
// An update that follows its gradient slice by slice gives the bits it gives by itself.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "tests/support/drawn.h"
#include "treino/backend/cpu/plan.h"
#include "treino/backend/devices.h"
#include "treino/compiler/compile.h"
#include "treino/graph/build.h"

namespace treino::cpu {
namespace {

using namespace treino::graph;

struct Case {
  Index batch = 32, rows = 784, columns = 128;
  double least = 1;   // what is below it in x is 0
  bool also = false;  // something else reads the gradient
  bool infinite = false;
  bool gradient = true;  // else the product is x dy, of an x that is not transposed
};

// Adam of the gradient x^T dy.
Program update(const Case& c) {
  Graph g;
  const auto f32 = [&](const char* name, Shape shape) {
    return g.variable(name, {shape, DType::f32}, Role::parameter);
  };
  const Shape of_x = c.gradient ? Shape{c.batch, c.rows} : Shape{c.rows, c.batch};
  const Value x = relu(f32("x", of_x) - c.least);
  const Value gradient = matmul(x, f32("dy", Shape{c.batch, c.columns}), c.gradient);
  const Shape shape{c.rows, c.columns};
  const Value m = f32("m", shape), v = f32("v", shape), p = f32("p", shape);
  const Value next_m = m + (gradient - m) * 0.1, next_v = v + (square(gradient) - v) * 0.001;
  assign(m, next_m);
  assign(v, next_v);
  const Value spread = sqrt(next_v) + 1e-7, change = next_m * f32("rate", Shape{});
  assign(p, p - change / spread);
  if (c.also) assign(f32("gradient", shape), gradient);
  return compiler::compile(g, make_device("cpu", {.threads = 1, .onednn = false})->target());
}

bool joins(const Program& program) {
  PlanOptions options;
  options.kernels = &choose_kernels();
  options.onednn = false;
  Plan plan = make_plan(program, options);
  const std::size_t before = plan.phases.size();
  const std::size_t after = join_updates(plan, plan.phases).size();
  EXPECT_EQ(plan.phases.size(), before);  // a profile runs those
  return after < before;
}

// m, v and p after some steps.
std::vector<std::vector<std::byte>> run(const Program& program, const Case& c, int threads) {
  const auto device = make_device("cpu", {.threads = threads, .onednn = false});
  const auto store = device->make_store(program.variables);
  for (std::size_t i = 0; i < program.variables.size(); ++i) {
    const Variable& variable = program.variables[i];
    if (variable.name == "gradient") continue;
    // By name: the two programs have different numbers of variables.
    HostTensor values = test::drawn(variable.type, std::hash<std::string>()(variable.name));
    if (variable.name == "v") {
      for (float& value : values.as<float>()) value = std::abs(value);
    }
    if (variable.name == "dy" && c.infinite)
      values.as<float>()[3] = std::numeric_limits<float>::infinity();
    store->write(static_cast<int>(i), values);
  }
  device->load(program, *store)->run(3);
  std::vector<std::vector<std::byte>> results;
  for (const char* name : {"m", "v", "p"}) {
    const auto bytes = store->read(name).bytes;
    results.emplace_back(bytes.begin(), bytes.end());
  }
  return results;
}

TEST(JoinUpdates, GivesTheBitsOfEachByItself) {
  for (Case c : {Case{}, Case{.least = -9}, Case{.infinite = true},
                 Case{.batch = 100, .rows = 300, .columns = 33},
                 Case{.batch = 70, .rows = 500, .columns = 290},
                 Case{.batch = 5, .rows = 2304, .columns = 64},
                 Case{.batch = 33, .rows = 401, .columns = 47}}) {
    SCOPED_TRACE(testing::Message() << c.batch << " x " << c.rows << " x " << c.columns);
    const Program together = update(c);
    c.also = true;
    const Program apart = update(c);
    ASSERT_TRUE(joins(together));
    ASSERT_FALSE(joins(apart));
    const auto expected = run(apart, c, 1);
    for (const int threads : {1, 2, 5}) EXPECT_EQ(run(together, c, threads), expected) << threads;
  }
}

TEST(JoinUpdates, LeavesOtherProductsAlone) {
  Case c{.gradient = false};
  EXPECT_FALSE(joins(update(c)));
  const auto alone = run(update(c), c, 2);
  c.also = true;
  EXPECT_EQ(alone, run(update(c), c, 1));
}

TEST(JoinUpdates, LeavesSlicesAloneThatFillACache) {
  EXPECT_FALSE(joins(update({.batch = 8, .rows = 4096, .columns = 1024})));
}

}  // namespace
}  // namespace treino::cpu
