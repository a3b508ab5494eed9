// SPDX-License-Identifier: Apache-2.0
#include "treino/cli/gpu_trial.h"

#include <fmt/format.h>

#include <cmath>

#include "treino/base/rng.h"
#include "treino/compiler/compile.h"
#include "treino/graph/build.h"

namespace treino::cli {

namespace {

constexpr std::int64_t kRows = 70, kInner = 300, kColumns = 50;  // no tile fits them

HostTensor random(Rng& rng, Shape shape) {
  HostTensor tensor(DType::f32, shape);
  for (float& x : tensor.as<float>()) x = static_cast<float>(rng.next_u32() % 2001) / 1000 - 1;
  return tensor;
}

// A NaN is not close to anything.
std::string compare(const char* what, std::span<const float> got, std::span<const double> wanted) {
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!(std::abs(got[i] - wanted[i]) <= 1e-4 * (1 + std::abs(wanted[i]))))
      return fmt::format("{} differs: {} instead of {} at {}", what, got[i], wanted[i], i);
  }
  return {};
}

}  // namespace

std::string try_out(Device& device) {
  using namespace graph;
  Graph g;
  const Value a = g.variable("a", {Shape{kRows, kInner}, DType::f32}, Role::parameter);
  const Value b = g.variable("b", {Shape{kInner, kColumns}, DType::f32}, Role::parameter);
  const Value product = g.variable("product", {Shape{kRows, kColumns}, DType::f32}, Role::parameter);
  const Value curve = g.variable("curve", {Shape{kRows, kInner}, DType::f32}, Role::parameter);
  assign(product, matmul(a, b));
  assign(curve, unary(Op::exp, a) * a);
  const Program program = compiler::compile(g, device.target(), {.name = "trial"});
  const auto store = device.make_store(program.variables);

  Rng rng(1, 1);
  const HostTensor left = random(rng, Shape{kRows, kInner});
  const HostTensor right = random(rng, Shape{kInner, kColumns});
  store->write("a", left);
  store->write("b", right);
  device.load(program, *store)->run(1);

  const auto x = left.as<float>(), y = right.as<float>();
  std::vector<double> products(kRows * kColumns), curves;
  for (std::int64_t i = 0; i < kRows * kColumns; ++i) {
    for (std::int64_t k = 0; k < kInner; ++k) {
      products[static_cast<std::size_t>(i)] +=
          double{x[static_cast<std::size_t>(i / kColumns * kInner + k)]} *
          y[static_cast<std::size_t>(k * kColumns + i % kColumns)];
    }
  }
  for (const float v : x) curves.push_back(std::exp(double{v}) * v);
  const HostTensor got_curve = store->read("curve"), got_product = store->read("product");
  const std::string wrong =
      compare("an elementwise kernel", got_curve.as<float>(), std::span<const double>(curves));
  return wrong.empty() ? compare("a matrix product", got_product.as<float>(),
                                 std::span<const double>(products))
                       : wrong;
}

}  // namespace treino::cli
