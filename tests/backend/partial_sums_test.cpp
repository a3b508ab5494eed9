// SPDX-License-Identifier: Apache-2.0
// Slices that sum side by side each have a copy of the sum: wide layers must not take many times
// their own size.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/environment.h"
#include "treino/backend/cpu/plan.h"
#include "treino/backend/devices.h"
#include "treino/base/rng.h"
#include "treino/compiler/compile.h"
#include "treino/graph/build.h"

namespace treino::cpu {
namespace {

using namespace treino::graph;

constexpr Index kBatch = 16;

// out = the kernel's gradient of a "same" convolution of 3x3 between so many channels.
Program gradient_program(const Target& target, Index image, Index channels, Index filters) {
  Graph g;
  const Value x =
      g.variable("x", {Shape{kBatch, image, image, channels}, DType::f32}, Role::parameter);
  const Value dy =
      g.variable("dy", {Shape{kBatch, image, image, filters}, DType::f32}, Role::parameter);
  const Value kernel =
      g.variable("kernel", {Shape{3, 3, channels, filters}, DType::f32}, Role::parameter);
  WindowAttributes window;
  window.size = {3, 3};
  window.pad_before = window.pad_after = {1, 1};
  const Value loss = reduce_sum(conv2d(x, kernel, window) * dy, {0, 1, 2, 3});
  assign(g.variable("out", {Shape{3, 3, channels, filters}, DType::f32}, Role::metric),
         gradient(loss, kernel));
  return compiler::compile(g, target);
}

Plan plan_of(const Program& program, Convolutions convolutions) {
  PlanOptions options;
  options.kernels = &choose_kernels();
  options.convolutions = convolutions;
  options.onednn = false;
  return make_plan(program, options);
}

TEST(PartialSums, OfAWideConvolutionStayWithinTheirBytes) {
  const auto device = make_device("cpu", {.threads = 1});
  for (const Index channels : {64, 128, 256, 340, 512}) {
    const Program program = gradient_program(device->target(), 14, channels, channels);
    for (const Convolutions convolutions :
         {Convolutions::by_table, Convolutions::direct, Convolutions::winograd}) {
      const Plan plan = plan_of(program, convolutions);
      ASSERT_EQ(plan.heavy.size(), 1U);
      EXPECT_EQ(plan.heavy[0].op, "conv2d_grad_kernel");
      EXPECT_LE(plan.scratch_bytes, kPartialBytes) << channels << " " << name(convolutions);
      // A gradient in Winograd's domain and a block of tiles.
      EXPECT_LE(plan.worker_bytes, kPartialBytes + (Index{2} << 20)) << channels;
      // Nothing to save; but a slice of one image's nine tiles is too short for Winograd.
      const bool winograd = plan.heavy[0].kernel == "winograd";
      if (channels <= 64) EXPECT_EQ(plan.heavy[0].slices, winograd ? kRowSlices / 2 : kRowSlices);
    }
  }
}

TEST(PartialSums, OfSumsAndProductsStayWithinTheirBytes) {
  const auto device = make_device("cpu", {.threads = 1});
  Graph g;
  const Value x = g.variable("x", {Shape{64, 600 * 600}, DType::f32}, Role::parameter);
  const Value a = g.variable("a", {Shape{800, 8000}, DType::f32}, Role::parameter);
  const Value b = g.variable("b", {Shape{8000, 1200}, DType::f32}, Role::parameter);
  assign(g.variable("sum", {Shape{600 * 600}, DType::f32}, Role::metric), reduce_sum(x, {0}));
  assign(g.variable("product", {Shape{800, 1200}, DType::f32}, Role::metric), matmul(a, b));
  const Plan plan = plan_of(compiler::compile(g, device->target()), Convolutions::by_table);
  EXPECT_LE(plan.scratch_bytes, 2 * kPartialBytes);
  ASSERT_EQ(plan.heavy.size(), 1U);
  EXPECT_EQ(plan.heavy[0].slices, 4);  // 3.7 MiB each
}

TEST(PartialSums, FewerSlicesGiveTheSameGradient) {
  const auto result = [](const char* algorithm, int threads, Index& slices) {
    const test::Environment forced("TREINO_CONVOLUTION", algorithm);
    const auto device = make_device("cpu", {.threads = threads});
    const Program program = gradient_program(device->target(), 7, 256, 240);
    const auto store = device->make_store(program.variables);
    Rng rng(5, 1);
    for (const char* variable : {"x", "dy"}) {
      HostTensor value = store->read(variable);
      for (float& v : value.as<float>()) v = static_cast<float>(rng.uniform() - 0.5);
      store->write(variable, value);
    }
    const auto executable = device->load(program, *store);
    slices = executable->heavy_choices().at(0).slices;
    executable->run(1);
    const HostTensor out = store->read("out");
    return std::vector<float>(out.as<float>().begin(), out.as<float>().end());
  };
  Index slices = 0;
  const auto direct = result("direct", 2, slices);
  const auto winograd = result("winograd", 2, slices);
  EXPECT_EQ(slices, 7);  // of 2.1 MiB each, uneven shares of 16 samples
  double most = 0, difference = 0;
  for (std::size_t i = 0; i < direct.size(); ++i) {
    most = std::max(most, static_cast<double>(std::abs(direct[i])));
    difference = std::max(difference, std::abs(static_cast<double>(direct[i]) - winograd[i]));
  }
  EXPECT_LE(difference, 1e-4 * most);
  EXPECT_EQ(result("winograd", 1, slices), winograd);  // not a matter of threads
  EXPECT_EQ(slices, 7);
}

}  // namespace
}  // namespace treino::cpu
