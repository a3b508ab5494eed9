// SPDX-License-Identifier: Apache-2.0
// The gradient of a convolution's kernel where dy is copied to whole vectors: filters that fill
// none, with and without padding, of one image and of several at a time.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/drawn.h"
#include "treino/backend/devices.h"
#include "treino/compiler/compile.h"
#include "treino/graph/build.h"

namespace treino::cpu {
namespace {

using namespace treino::graph;

struct Shapes {
  std::int64_t image = 14, channels = 6, filters = 33, size = 5;
  std::int64_t pad = 0;
};

HostTensor gradient_on(const char* name, const Shapes& s) {
  const auto device = make_device(name, {.threads = 2, .onednn = false});
  Graph g;
  const auto f32 = [&](const char* variable, Shape shape, Role role = Role::parameter) {
    return g.variable(variable, {shape, DType::f32}, role);
  };
  WindowAttributes window;
  window.size = {s.size, s.size};
  window.pad_before = window.pad_after = {s.pad, s.pad};
  const Value kernel = f32("kernel", Shape{s.size, s.size, s.channels, s.filters});
  const Value y = conv2d(f32("x", Shape{5, s.image, s.image, s.channels}), kernel, window);
  const Value loss = reduce_sum(y * f32("w", y.shape()), {0, 1, 2, 3});
  assign(f32("dkernel", kernel.shape(), Role::metric), gradient(loss, kernel));
  const Program program = compiler::compile(g, device->target());
  return test::Run(*device, program).store->read("dkernel");
}

TEST(KernelGradient, OfFiltersThatFillNoVectorIsTheReferences) {
  for (const Shapes& shapes : {Shapes{}, Shapes{.filters = 17, .pad = 2},
                               Shapes{.image = 5, .channels = 50, .filters = 41, .size = 1},
                               Shapes{.image = 7, .channels = 9, .filters = 35, .pad = 1}}) {
    const HostTensor ours = gradient_on("cpu", shapes), theirs = gradient_on("reference", shapes);
    const auto a = ours.as<float>(), b = theirs.as<float>();
    ASSERT_EQ(a.size(), b.size());
    double most = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      most = std::max(most, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    }
    EXPECT_LT(most, 2e-4) << shapes.filters;  // sums of up to 720 products of about 1
    EXPECT_GT(std::abs(a[0]), 0);
  }
}

}  // namespace
}  // namespace treino::cpu
