// SPDX-License-Identifier: Apache-2.0
// The gradient rule of every op against central differences, in double on the reference device.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/conformance/backends.h"
#include "tests/conformance/case.h"
#include "treino/base/error.h"
#include "treino/base/rng.h"
#include "treino/compiler/compile.h"
#include "treino/graph/build.h"

namespace treino::conformance {
namespace {

enum class Derivative {
  smooth,  // a rule, checked by differences
  flat,    // zero wherever it exists
  none,    // asking for it is a mistake
};

// No default: an op new in ops.def must be put in a class before this compiles.
Derivative derivative_of(Op op) {
  switch (op) {
    case Op::variable:
    case Op::neg:
    case Op::abs:
    case Op::square:
    case Op::sqrt:
    case Op::rsqrt:
    case Op::reciprocal:
    case Op::exp:
    case Op::expm1:
    case Op::log:
    case Op::log1p:
    case Op::erf:
    case Op::tanh:
    case Op::sigmoid:
    case Op::softplus:
    case Op::relu:
    case Op::cos:
    case Op::cast:
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::div:
    case Op::pow:
    case Op::max:
    case Op::min:
    case Op::select:
    case Op::reshape:
    case Op::transpose:
    case Op::broadcast:
    case Op::reduce_sum:
    case Op::gather_rows:
    case Op::matmul:
    case Op::conv2d:
    case Op::max_pool:
    case Op::avg_pool:
    case Op::batch_norm:
    case Op::softmax:
    case Op::cross_entropy:
      return Derivative::smooth;
    case Op::constant:
    case Op::sign:
    case Op::floor:
    case Op::is_finite:
    case Op::greater:
    case Op::greater_equal:
    case Op::equal:
    case Op::argmax:
    case Op::window:
    case Op::one_hot:
    case Op::dropout_mask:
      return Derivative::flat;
    case Op::round_tf32:
    case Op::round_bf16:
    case Op::reduce_max:
    case Op::scatter_rows:
    case Op::augment:
    case Op::conv2d_grad_input:
    case Op::conv2d_grad_kernel:
    case Op::max_pool_grad:
    case Op::avg_pool_grad:
    case Op::batch_norm_grad:
    case Op::batch_norm_pool:
    case Op::batch_norm_pool_grad:
    case Op::gradient:
    case Op::assign:
    case Op::fused:
      return Derivative::none;
  }
  return Derivative::none;
}

// The op's first output, weighed and summed, and its gradients "d.<input>" by the given inputs.
Value emit_loss(const Case& one, Graph& graph, std::vector<Value>& inputs) {
  for (const Input& input : one.inputs)
    inputs.push_back(graph.variable(input.name, input.type, Role::data));
  Value y = graph::cast(one.node(graph, inputs), DType::f64);
  y = graph::operator*(y, graph.variable("weights", y.type(), Role::data));
  std::vector<int> axes;
  for (int axis = 0; axis < y.shape().rank(); ++axis) axes.push_back(axis);
  return graph::reduce_sum(y, axes);
}

class Slopes {
 public:
  explicit Slopes(const Case& one) : one_(one) {
    Graph graph;
    std::vector<Value> inputs;
    const Value loss = emit_loss(one, graph, inputs);
    graph::assign(graph.variable("loss", loss.type(), Role::metric), loss);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!has_gradient(i)) continue;
      graph::assign(graph.variable("d." + one.inputs[i].name, inputs[i].type(), Role::metric),
                    graph::gradient(loss, inputs[i]));
    }
    const Program program = compiler::compile(graph, reference().target(), {.optimize = false});
    store_ = reference().make_store(program.variables);
    for (std::size_t i = 0; i < one.inputs.size(); ++i)
      store_->write(one.inputs[i].name, filled(one.inputs[i], i));
    const int weights = find("weights");
    if (weights >= 0) {
      const TensorType type = store_->variables()[static_cast<std::size_t>(weights)].type;
      store_->write(weights, filled({"weights", type}, 9));
    }
    executable_ = reference().load(program, *store_);
  }

  bool has_gradient(std::size_t i) const {
    return one_.inputs[i].smooth && is_float(one_.inputs[i].type.dtype);
  }

  // Some elements of each input, every one of a small tensor.
  void check() {
    executable_->run(1);
    Rng rng(5, 5);
    for (std::size_t i = 0; i < one_.inputs.size(); ++i) {
      if (!has_gradient(i)) continue;
      const std::string& name = one_.inputs[i].name;
      HostTensor value = store_->read(find(name), DType::f64);
      const auto numbers = value.as<double>();
      executable_->run(1);
      const HostTensor gradient = store_->read(find("d." + name), DType::f64);
      const std::size_t checked = std::min<std::size_t>(numbers.size(), 24);
      double error = 0, norm = 0;
      for (std::size_t k = 0; k < checked; ++k) {
        const std::size_t at = checked == numbers.size() ? k : rng.below(numbers.size());
        const double slope = slope_at(name, value, numbers[at]);
        error += std::pow(slope - gradient.as<double>()[at], 2);
        norm += slope * slope;
      }
      // Rounding of the loss, of the order of its terms, is all there is where the slope is 0.
      EXPECT_LE(std::sqrt(error), 1e-7 * std::max(std::sqrt(norm), 0.1))
          << one_.name << ", " << name;
      largest_ = std::max(largest_, norm);
    }
  }

  double largest() const { return largest_; }

 private:
  int find(const std::string& name) const {
    const auto& all = store_->variables();
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i].name == name) return static_cast<int>(i);
    return -1;
  }

  double loss_at(const std::string& name, const HostTensor& value) {
    store_->write(name, value);
    executable_->run(1);
    return store_->read(find("loss"), DType::f64).as<double>()[0];
  }

  double loss_beside(const std::string& name, const HostTensor& value, double& number, double by) {
    const double kept = number;
    number = kept + by;
    const double loss = loss_at(name, value);
    number = kept;
    return loss;
  }

  // Central differences of two widths, so that the error falls with the fourth power of the width.
  double slope_at(const std::string& name, const HostTensor& value, double& number) {
    constexpr double kWide = 1e-3, kNarrow = kWide / 2;
    const auto slope = [&](double by) {
      return (loss_beside(name, value, number, by) - loss_beside(name, value, number, -by)) /
             (2 * by);
    };
    const double result = (4 * slope(kNarrow) - slope(kWide)) / 3;
    store_->write(name, value);
    return result;
  }

  const Case& one_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Executable> executable_;
  double largest_ = 0;
};

class EveryGradient : public testing::TestWithParam<int> {};

TEST_P(EveryGradient, IsTheSlope) {
  const Op op = static_cast<Op>(GetParam());
  if (derivative_of(op) == Derivative::none) {
    const Case one = cases_of(op)[0];
    if (op == Op::gradient) return;  // of second order: none are taken
    Graph graph;
    std::vector<Value> inputs;
    if (op == Op::assign) return;  // has no output to differentiate
    const Value loss = emit_loss(one, graph, inputs);
    for (const Value& input : inputs) {
      if (!is_float(input.dtype())) continue;
      graph::assign(graph.variable("d", input.type(), Role::metric), graph::gradient(loss, input));
      EXPECT_THROW(compiler::compile(graph, reference().target()), Error) << name(op);
      return;
    }
    return;
  }
  double largest = 0;
  int checked = 0;
  for (const Case& one : cases_of(op)) {
    Slopes slopes(one);
    bool any = false;
    for (std::size_t i = 0; i < one.inputs.size(); ++i) any = any || slopes.has_gradient(i);
    if (!any) continue;
    std::int64_t elements = 0;
    for (const Input& input : one.inputs) elements += input.type.shape.elements();
    const bool has_ties = std::any_of(one.inputs.begin(), one.inputs.end(), [](const Input& input) {
      return input.smooth && input.fill == Fill::whole;
    });
    if (elements > 6000 || has_ties) continue;  // kinks and ties have no slope
    slopes.check();
    largest = std::max(largest, slopes.largest());
    ++checked;
  }
  if (derivative_of(op) == Derivative::flat) {
    EXPECT_EQ(largest, 0) << "put " << name(op) << " among the smooth ones";
    return;
  }
  EXPECT_GT(checked, 0);
  EXPECT_GT(largest, 1e-6) << "some slope must be there to be checked";
}

INSTANTIATE_TEST_SUITE_P(Ops, EveryGradient, testing::Range(0, kOpCount), [](const auto& info) {
  return std::string(name(static_cast<Op>(info.param)));
});

}  // namespace
}  // namespace treino::conformance
