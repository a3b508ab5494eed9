// SPDX-License-Identifier: Apache-2.0
// What is made of parameters alone is made once, and anew after anybody wrote one of them.
#include "treino/backend/cpu/kept.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "treino/backend/devices.h"
#include "treino/base/rng.h"
#include "treino/compiler/compile.h"
#include "treino/graph/build.h"

namespace treino {
namespace {

using namespace graph;

const TensorType kKernel{Shape{3, 3, 16, 32}, DType::f32}, kChannels{Shape{32}, DType::f32};

// A convolution whose kernel Winograd transforms, and a scale made of two variables.
Program prediction(const Target& target) {
  Graph g;
  const Value x = g.variable("x", {Shape{1, 12, 12, 16}, DType::f32}, Role::data);
  const Value kernel = g.variable("kernel", kKernel, Role::parameter);
  const Value gamma = g.variable("gamma", kChannels, Role::parameter);
  const Value variance = g.variable("variance", kChannels, Role::statistic);
  WindowAttributes three;
  three.size = {3, 3};
  const Value y = relu(conv2d(x, kernel, three)) * (gamma * rsqrt(variance + 1e-3));
  assign(g.variable("y", y.type(), Role::data), y);
  return compiler::compile(g, target, {.name = "predict"});
}

// Another program over the same store, that writes a parameter.
Program update(const Target& target) {
  Graph g;
  const Value kernel = g.variable("kernel", kKernel, Role::parameter);
  assign(kernel, kernel * 0.5);
  return compiler::compile(g, target, {.name = "update"});
}

HostTensor values(const TensorType& type, std::uint64_t stream, float least = -1) {
  HostTensor tensor(type.dtype, type.shape);
  Rng rng(3, stream);
  for (float& value : tensor.as<float>())
    value = least + static_cast<float>(rng.next_u32()) * 0x1p-31F;
  return tensor;
}

class Kept : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { setenv("TREINO_CONVOLUTION", GetParam(), 1); }
  void TearDown() override { unsetenv("TREINO_CONVOLUTION"); }
};

TEST_P(Kept, IsMadeAnewWhenAParameterWasWritten) {
  for (const int threads : {1, 2}) {
    const auto device = make_device("cpu", {.threads = threads, .onednn = false});
    const Program program = prediction(device->target()), other = update(device->target());
    const auto store = device->make_store(program.variables);
    store->write("x", values({Shape{1, 12, 12, 16}, DType::f32}, 0));
    store->write("kernel", values(kKernel, 1));
    store->write("gamma", values(kChannels, 2));
    store->write("variance", values(kChannels, 3, 0.5F));
    const auto executable = device->load(program, *store);
    HostBytes last;
    const auto check = [&](const char* what) {
      executable->run(1);
      const auto kept = store->read("y").bytes;
      device->load(program, *store)->run(1);  // which has nothing yet
      EXPECT_TRUE(kept == store->read("y").bytes) << what << ", " << threads << " threads";
      EXPECT_FALSE(kept == last) << what;
      last = kept;
      executable->run(2);
      EXPECT_TRUE(kept == store->read("y").bytes) << what << ", run again";
    };
    check("at first");
    store->write("kernel", values(kKernel, 4));
    check("another kernel from the host");
    store->write("variance", values(kChannels, 5, 0.5F));
    check("another statistic from the host");
    device->load(other, *store)->run(1);
    check("another kernel from a program");
    device->load(other, *store)->profile(1);
    check("another kernel from a program that was profiled");
    store->write("x", values({Shape{1, 12, 12, 16}, DType::f32}, 6));
    check("another sample");
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, Kept, testing::Values("direct", "winograd"),
                         [](const auto& info) { return std::string(info.param); });

TEST(KeepConstants, KeepsWhatIsMadeOfVariablesNobodyWrites) {
  const auto device = make_device("cpu", {.threads = 1, .onednn = false});
  const Program program = prediction(device->target());
  const cpu::Kept kept = cpu::keep_constants(program);
  ASSERT_EQ(kept.steps.size(), program.steps.size());
  std::size_t number = 0, made = 0;
  for (const Step& step : kept.program.steps) {
    const bool from_parameters = step.op == Op::fused && step.inputs.size() == 2 &&
                                 step.outputs[0].type.shape == kChannels.shape;
    EXPECT_EQ(kept.steps[number], from_parameters) << name(step.op);
    made += kept.steps[number++] ? 1 : 0;
  }
  EXPECT_EQ(made, 1U);
  EXPECT_EQ(kept.program.variables.size(), program.variables.size() + 1);
  EXPECT_TRUE(kept.constant.back());

  Graph g;  // gamma is written: nothing made of it may stay
  const Value gamma = g.variable("gamma", kChannels, Role::parameter);
  const Value scale = rsqrt(gamma + 1e-3);
  assign(g.variable("y", {Shape{}, DType::f32}, Role::data), reduce_sum(scale, {0}));
  assign(gamma, gamma * 0.5);
  const cpu::Kept none = cpu::keep_constants(compiler::compile(g, device->target()));
  for (const bool keeps : none.steps) EXPECT_FALSE(keeps);
}

}  // namespace
}  // namespace treino
