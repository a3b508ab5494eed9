// SPDX-License-Identifier: Apache-2.0
// Products of TF32 and bf16 on every backend against the reference device's, whose compiler rounds
// the operands by ops of their own and whose rounding is a formula of its own.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/conformance/backends.h"
#include "tests/conformance/case.h"
#include "treino/compiler/compile.h"
#include "treino/compiler/rewrite.h"

namespace treino::conformance {
namespace {

constexpr Op kProducts[] = {Op::matmul, Op::conv2d, Op::conv2d_grad_input, Op::conv2d_grad_kernel};

// A case with all its products of that precision.
void emit_in(const Case& one, Precision precision, Graph& graph) {
  Graph plain;
  emit(one, plain);
  compiler::Rewriter rewriter(plain, graph);
  for (int i = 0; i < static_cast<int>(plain.nodes().size()); ++i) {
    const Node& node = plain.node(i);
    Attributes attributes = node.attributes;
    if (auto* matmul = std::get_if<MatmulAttributes>(&attributes)) matmul->precision = precision;
    if (auto* window = std::get_if<WindowAttributes>(&attributes)) window->precision = precision;
    if (attributes == node.attributes)
      rewriter.copy(i);
    else
      rewriter.set(i, graph.add(node.op, rewriter.map(node.inputs), std::move(attributes)));
  }
}

HostTensor run(const Case& one, Precision precision, Device& device) {
  Graph graph;
  emit_in(one, precision, graph);
  const Program program = compiler::compile(graph, device.target(), {.name = one.name});
  const auto store = device.make_store(program.variables);
  for (std::size_t i = 0; i < one.inputs.size(); ++i)
    store->write(one.inputs[i].name, filled(one.inputs[i], i));
  device.load(program, *store)->run(1);
  return store->read(store->find("out0"), DType::f64);
}

double distance(const HostTensor& a, const HostTensor& b) {
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < a.as<double>().size(); ++i) {
    error += std::pow(a.as<double>()[i] - b.as<double>()[i], 2);
    norm += std::pow(b.as<double>()[i], 2);
  }
  return error == 0 ? 0 : std::sqrt(error / norm);
}

class Precisions : public testing::TestWithParam<Precision> {};

TEST_P(Precisions, ProductsAgreeWithTheReference) {
  // Of a rounded operand the error is spread up to half a unit of the last place.
  const double unit = GetParam() == Precision::tf32 ? 0x1p-11 : 0x1p-8;
  for (const Op op : kProducts) {
    int seen = 0;
    for (const Case& one : cases_of(op)) {
      const HostTensor expected = run(one, GetParam(), reference());
      const HostTensor exact = run(one, Precision::float32, reference());
      const auto numbers = exact.as<double>();
      const auto is_zero = [](double number) { return number == 0; };
      if (numbers.size() > 100 && !std::ranges::all_of(numbers, is_zero)) {  // else a padded image
        ++seen;
        EXPECT_GT(distance(expected, exact), 0.1 * unit) << one.name;
        EXPECT_LT(distance(expected, exact), 2 * unit) << one.name;
      }
      for (const Backend* backend : short_product_backends()) {
        // A library's convolutions round bf16 results, and may cut what they read to TF32.
        const double limit = backend->algorithm != "libraries" ? 5e-6
                             : GetParam() == Precision::bf16   ? 0.6 * unit
                                                               : 2 * unit;
        EXPECT_LE(distance(run(one, GetParam(), *backend->device), expected), limit)
            << backend->name << ": " << name(op) << " " << one.name;
      }
    }
    EXPECT_GT(seen, 10) << name(op);
  }
}

INSTANTIATE_TEST_SUITE_P(Of, Precisions, testing::Values(Precision::tf32, Precision::bf16),
                         [](const auto& info) {
                           return std::string(
                               names_of(info.param)[static_cast<std::size_t>(info.param)]);
                         });

}  // namespace
}  // namespace treino::conformance
