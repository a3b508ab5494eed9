// SPDX-License-Identifier: Apache-2.0
// Elementwise ops at the ends of the numbers: zeros of both signs, infinities, NaN, the largest and
// the smallest. A NaN must come out where one does on the reference device, and nowhere else: that
// is how a broken training is noticed.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/conformance/backends.h"
#include "treino/compiler/compile.h"
#include "treino/graph/build.h"

namespace treino::conformance {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kValues[] = {0.F,
                             -0.F,
                             1.F,
                             -1.F,
                             0.5F,
                             -2.5F,
                             88.F,
                             -88.F,
                             200.F,
                             -200.F,
                             1e-30F,
                             -1e-30F,
                             3e38F,
                             -3e38F,
                             kInfinity,
                             -kInfinity,
                             std::numeric_limits<float>::quiet_NaN()};
constexpr std::size_t kCount = std::size(kValues);

// Every combination of values for three operands.
HostTensor operand(std::size_t stride) {
  HostTensor tensor(DType::f32, Shape{static_cast<std::int64_t>(kCount * kCount * kCount)});
  for (std::size_t i = 0; i < tensor.as<float>().size(); ++i)
    tensor.as<float>()[i] = kValues[i / stride % kCount];
  return tensor;
}

HostTensor run(Op op, Device& device) {
  Graph graph;
  std::vector<Value> inputs;
  const std::array operands{operand(1), operand(kCount), operand(kCount * kCount)};
  for (int k = 0; k < info(op).least_inputs; ++k)
    inputs.push_back(graph.variable(std::string(1, static_cast<char>('a' + k)),
                                    {operands[0].shape, DType::f32}, Role::data));
  const Value y = graph.add(op, inputs);
  graph::assign(graph.variable("y", y.type(), Role::metric), y);
  const Program program = compiler::compile(graph, device.target());
  const auto store = device.make_store(program.variables);
  for (std::size_t k = 0; k < inputs.size(); ++k) store->write(static_cast<int>(k), operands[k]);
  device.load(program, *store)->run(1);
  return store->read("y");  // as f32: what is too large for it is infinite
}

bool agrees(Op op, float got, float expected) {
  if (std::isnan(expected) || std::isnan(got)) return std::isnan(got) == std::isnan(expected);
  if (std::isinf(expected) || std::isinf(got)) return got == expected;
  const float smallest = std::numeric_limits<float>::min();  // less may be flushed to 0
  // The error of pow is that of its exponent's product, which grows with the exponent.
  const float share = op == Op::pow ? 1e-4F : 1e-5F;
  return std::fabs(got - expected) <= share * std::fabs(expected) + smallest;
}

TEST(SpecialValues, ComeOutAsOnTheReference) {
  for (int i = 0; i < kOpCount; ++i) {
    const Op op = static_cast<Op>(i);
    if (info(op).kind != OpKind::elementwise || op == Op::cast) continue;
    const HostTensor expected = run(op, reference());
    for (const Backend* backend : plain_backends()) {
      const HostTensor got = run(op, *backend->device);
      for (std::size_t k = 0; k < kCount * kCount * kCount; ++k) {
        EXPECT_TRUE(agrees(op, got.as<float>()[k], expected.as<float>()[k]))
            << backend->name << ": " << name(op) << " of " << kValues[k % kCount] << ", "
            << kValues[k / kCount % kCount] << ", " << kValues[k / kCount / kCount] << " is "
            << got.as<float>()[k] << ", expected " << expected.as<float>()[k];
      }
    }
  }
}

}  // namespace
}  // namespace treino::conformance
