// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/case.h"

#include <numeric>

#include "treino/base/rng.h"
#include "treino/graph/build.h"

namespace treino::conformance {

std::vector<Case> cases_of(Op op) {
  switch (info(op).kind) {
    case OpKind::elementwise:
      return elementwise_cases(op);
    case OpKind::movement:
      return movement_cases(op);
    case OpKind::reduction:
      return reduction_cases(op);
    case OpKind::gather:
    case OpKind::random:
      return batch_cases(op);
    case OpKind::heavy:
      break;
    case OpKind::source:
    case OpKind::placeholder:
    case OpKind::effect:
    case OpKind::fused:
      return special_cases(op);
  }
  for (const auto& part :
       {convolution_cases, pool_cases, norm_pool_cases, product_cases, norm_cases}) {
    if (auto found = part(op); !found.empty()) return found;
  }
  return {};
}

void emit(const Case& one, Graph& graph) {
  std::vector<Value> inputs;
  for (const Input& input : one.inputs)
    inputs.push_back(graph.variable(input.name, input.type, Role::data));
  const Value first = one.node(graph, inputs);
  const std::size_t outputs = graph.node(first.node).outputs.size();
  for (int k = 0; k < static_cast<int>(outputs); ++k) {
    const Value value{first.graph, first.node, k};
    graph::assign(graph.variable("out" + std::to_string(k), value.type(), Role::metric), value);
  }
}

Case plain_case(Op op, std::string name, std::vector<Input> inputs, Attributes attributes) {
  return {std::move(name), std::move(inputs),
          [op, attributes = std::move(attributes)](Graph& graph, const std::vector<Value>& values) {
            return graph.add(op, values, attributes);
          }};
}

namespace {

// The numbers 0 .. n-1 in some order.
std::vector<std::int64_t> shuffled(std::size_t n, Rng& rng) {
  std::vector<std::int64_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = n; i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);
  return order;
}

std::vector<double> numbers(Fill fill, std::size_t n, std::size_t place) {
  Rng rng(11, place);
  std::vector<double> values(n);
  switch (fill) {
    case Fill::normal:
      for (double& x : values) x = 1.5 * rng.normal();
      break;
    case Fill::positive:
      for (double& x : values) x = 0.2 + 2.8 * rng.uniform();
      break;
    case Fill::apart: {
      const auto order = shuffled(n, rng);
      const auto middle = static_cast<double>(n / 2);
      for (std::size_t i = 0; i < n; ++i) {
        values[i] = 0.15 * (static_cast<double>(order[i]) - middle) + 0.025 +
                    0.05 * static_cast<double>(place % 3);
      }
      break;
    }
    case Fill::whole:
      for (double& x : values) x = static_cast<double>(rng.below(5));
      break;
    case Fill::counting:
      for (double& x : values) x = static_cast<double>(1 + rng.below(5));
      break;
    case Fill::bytes:
      for (double& x : values) x = 255.9 * rng.uniform();
      break;
  }
  return values;
}

}  // namespace

HostTensor filled(const Input& input, std::size_t place) {
  HostTensor tensor(input.type.dtype, input.type.shape);
  const auto values =
      numbers(input.fill, static_cast<std::size_t>(input.type.shape.elements()), place);
  const auto put = [&](auto span) {
    using T = std::remove_reference_t<decltype(span[0])>;
    for (std::size_t i = 0; i < span.size(); ++i) span[i] = static_cast<T>(values[i]);
  };
  switch (input.type.dtype) {
    case DType::f32:
      put(tensor.as<float>());
      break;
    case DType::f64:
      put(tensor.as<double>());
      break;
    case DType::u8:
      put(tensor.as<std::uint8_t>());
      break;
    case DType::i32:
      put(tensor.as<std::int32_t>());
      break;
    case DType::i64:
      put(tensor.as<std::int64_t>());
      break;
  }
  return tensor;
}

}  // namespace treino::conformance
