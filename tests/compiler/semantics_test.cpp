// SPDX-License-Identifier: Apache-2.0
// The passes change how a program computes, never what: random graphs give the same numbers on the
// reference device with and without them.
#include <gtest/gtest.h>

#include <cmath>

#include "treino/backend/devices.h"
#include "treino/base/rng.h"
#include "treino/compiler/compile.h"
#include "treino/graph/build.h"

namespace treino::compiler {
namespace {

using namespace graph;

// The reference device's own target, claiming every fusion there is.
class FusingTarget final : public Target {
 public:
  explicit FusingTarget(const Target& base) : base_(base) {}
  int bytes(DType dtype) const override { return base_.bytes(dtype); }
  bool fuses_elementwise() const override { return true; }
  bool fuses_bias(const Node&) const override { return true; }
  bool fuses_activation(const Node&, Op activation) const override {
    return activation == Op::relu || activation == Op::tanh;
  }

 private:
  const Target& base_;
};

// Builds a random graph over a handful of variables: elementwise ops, sums, products, reshapes and
// broadcasts, a few gradients, and an assign to each variable that others still read.
class RandomGraph {
 public:
  explicit RandomGraph(std::uint64_t seed) : rng_(seed, 0) {
    for (int i = 0; i < 4; ++i) {
      pool_.push_back(graph_.variable("matrix" + std::to_string(i), {Shape{6, 6}, DType::f32},
                                      Role::parameter));
    }
    pool_.push_back(graph_.variable("row", {Shape{6}, DType::f32}, Role::parameter));
    const std::size_t variables = pool_.size();
    for (int i = 0; i < 40; ++i) grow();
    const Value loss = mean(square(any(Shape{6, 6})), {0, 1});
    for (std::size_t i = 0; i < variables; ++i) {
      Value value =
          rng_.below(2) == 0 ? gradient(loss, pool_[i]) * 0.1 + pool_[i] : any(pool_[i].shape());
      if (rng_.below(4) == 0)
        value = pool_[(i + 1) % variables].shape() == pool_[i].shape() ? pool_[(i + 1) % variables]
                                                                       : value;
      assign(pool_[i], value);
    }
  }

  const Graph& graph() const { return graph_; }

 private:
  Value any(const Shape& shape) {
    std::vector<Value> fitting;
    for (const Value& value : pool_) {
      if (value.shape() == shape) fitting.push_back(value);
    }
    // Late values more often than early ones, so that chains grow.
    const std::size_t recent = std::min<std::size_t>(fitting.size(), 5);
    return rng_.below(3) == 0 ? fitting[rng_.below(fitting.size())]
                              : fitting[fitting.size() - 1 - rng_.below(recent)];
  }

  void grow() {
    const Shape matrix{6, 6};
    switch (rng_.below(9)) {
      case 0:
        pool_.push_back(tanh(any(matrix)));
        break;
      case 1:
        pool_.push_back(any(matrix) * any(Shape{6}));
        break;
      case 2:
        pool_.push_back(any(matrix) + any(matrix));
        break;
      case 3:
        pool_.push_back(sigmoid(any(matrix) - any(matrix) * 0.5));
        break;
      case 4:
        pool_.push_back(reduce_sum(any(matrix), {static_cast<int>(rng_.below(2))}) * 0.2);
        break;
      case 5:
        pool_.push_back(matmul(any(matrix), any(matrix), rng_.below(2) == 0, rng_.below(2) == 0) *
                        0.3);
        break;
      case 6:
        pool_.push_back(tanh(matmul(any(matrix), transpose(any(matrix), {1, 0})) + any(Shape{6})));
        break;
      case 7:
        pool_.push_back(reshape(reshape(any(matrix), Shape{36}) * 0.9, matrix));
        break;
      default:
        pool_.push_back(relu(any(Shape{6}) + 0.1));
        break;
    }
  }

  Rng rng_;
  Graph graph_;
  std::vector<Value> pool_;
};

std::vector<HostTensor> run(Device& device, const Graph& graph, const Target& target,
                            bool optimize) {
  const Program program = compile(graph, target, {.name = "random", .optimize = optimize});
  const auto store = device.make_store(program.variables);
  for (int i = 0; i < static_cast<int>(program.variables.size()); ++i) {
    HostTensor value(DType::f64, program.variables[static_cast<std::size_t>(i)].type.shape);
    Rng rng(99, static_cast<std::uint64_t>(i));
    for (double& x : value.as<double>()) x = rng.normal();
    store->write(i, value);
  }
  device.load(program, *store)->run(2);
  std::vector<HostTensor> results;
  for (int i = 0; i < static_cast<int>(program.variables.size()); ++i)
    results.push_back(store->read(i, DType::f64));
  return results;
}

TEST(Semantics, PassesKeepTheNumbersOfRandomGraphs) {
  const auto device = make_device("reference");
  const FusingTarget fusing(device->target());
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const RandomGraph random(seed);
    const auto plain = run(*device, random.graph(), device->target(), false);
    const auto fused = run(*device, random.graph(), fusing, true);
    for (std::size_t i = 0; i < plain.size(); ++i) {
      for (std::size_t k = 0; k < plain[i].as<double>().size(); ++k) {
        const double expected = plain[i].as<double>()[k];
        ASSERT_NEAR(fused[i].as<double>()[k], expected, 1e-10 * (1 + std::fabs(expected)))
            << "seed " << seed << ", variable " << i << ", element " << k;
      }
    }
  }
}

}  // namespace
}  // namespace treino::compiler
