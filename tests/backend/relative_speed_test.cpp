// SPDX-License-Identifier: Apache-2.0
// The device's own choice of kernels is not slower than the same ops composed of oneDNN's, in this
// process: relative only, never an absolute time. Each turn measures the CPU time of one thread and
// the least of many turns counts, so that neighbours do not decide.
#include <gtest/gtest.h>
#include <time.h>

#include <cstdlib>
#include <memory>

#include "tests/support/drawn.h"
#include "tests/support/environment.h"
#include "treino/backend/devices.h"
#include "treino/base/error.h"
#include "treino/compiler/compile.h"
#include "treino/graph/build.h"

namespace treino {
namespace {

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

WindowAttributes three_by_three(const Shape& input, std::int64_t filters) {
  WindowAttributes window;
  window.size = {3, 3};
  window.input = input;
  window.kernel = Shape{3, 3, input[3], filters};
  return window;
}

// Convolution, relu, batch norm, pooling and all their gradients.
void emit_block(Graph& g, const Shape& input, std::int64_t filters) {
  using namespace graph;
  const WindowAttributes window = three_by_three(input, filters);
  const auto variable = [&](const char* name, const Shape& shape) {
    return g.variable(name, {shape, DType::f32}, Role::parameter);
  };
  const Value x = variable("x", input), kernel = variable("kernel", window.kernel);
  const Value bias = variable("bias", Shape{filters}), gamma = variable("gamma", Shape{filters});
  const Value conv = conv2d(x, kernel, window);
  const Value active = relu(conv + broadcast(bias, conv.shape()));
  WindowAttributes pool;
  pool.size = pool.stride = {2, 2};
  pool.input = conv.shape();
  const Value y = max_pool(batch_norm(active, gamma, gamma, 1e-3).y, pool);
  const Value loss = reduce_sum(square(y), {0, 1, 2, 3});
  for (const Value& to : {x, kernel, bias, gamma}) {
    const std::string name = "d" + std::to_string(to.node);
    assign(g.variable(name, to.type(), Role::metric), gradient(loss, to));
  }
}

struct Loaded {
  std::unique_ptr<Device> device;
  std::unique_ptr<Store> store;
  std::unique_ptr<Executable> executable;
  double best = 1e9;

  Loaded(const char* convolutions, const Shape& input, std::int64_t filters) {
    {
      const test::Environment forced("TREINO_CONVOLUTION", convolutions);
      device = make_device("cpu", {.threads = 1});
    }
    Graph graph;
    emit_block(graph, input, filters);
    const Program program = compiler::compile(graph, device->target(), {.name = "block"});
    store = device->make_store(program.variables);
    for (int i = 0; i < static_cast<int>(program.variables.size()); ++i) {
      store->write(i, test::drawn(program.variables[static_cast<std::size_t>(i)].type,
                                  static_cast<std::uint64_t>(i)));
    }
    executable = device->load(program, *store);
    executable->run(1);
  }

  void turn() {
    const double start = cpu_seconds();
    executable->run(1);
    best = std::min(best, cpu_seconds() - start);
  }
};

// Half as much again is allowed for: what this guards against is a kernel falling to a slow path.
constexpr double kAllowance = 1.5;
constexpr int kTurns = 25;

TEST(RelativeSpeed, ABlockIsNotSlowerThanComposedOfOneDnn) {
#ifdef TREINO_SANITIZED
  GTEST_SKIP() << "a sanitizer slows our kernels and not the library's";
#endif
  struct {
    Shape input;
    std::int64_t filters;
  } blocks[] = {{{16, 15, 15, 32}, 64}, {{16, 32, 32, 3}, 32}, {{8, 16, 16, 64}, 64}};
  for (const auto& [input, filters] : blocks) {
    std::unique_ptr<Loaded> composed;
    try {
      composed = std::make_unique<Loaded>("onednn", input, filters);
    } catch (const Error&) {
      GTEST_SKIP() << "a build without oneDNN";
    }
    Loaded own("", input, filters);
    for (int i = 0; i < kTurns; ++i) own.turn(), composed->turn();
    EXPECT_LE(own.best, kAllowance * composed->best) << to_string(input) << " -> " << filters;
  }
}

}  // namespace
}  // namespace treino
