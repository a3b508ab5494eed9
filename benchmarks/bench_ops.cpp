// SPDX-License-Identifier: Apache-2.0
// Time of single ops on the cpu device:  treino_bench_ops [threads=2] [filter=TEXT]
// Convolutions run with own direct kernels, by Winograd's algorithm and with oneDNN, in turn in one
// process; the last columns are ratios of the best times (above 1: the own direct kernel is
// faster).
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>

#include "treino/backend/devices.h"
#include "treino/base/rng.h"
#include "treino/compiler/compile.h"
#include "treino/graph/build.h"

namespace {

using namespace treino;
using Clock = std::chrono::steady_clock;

struct Case {
  std::string name;
  double multiply_adds;
  std::function<void(Graph&)> build;
};

Value input(Graph& g, const char* name, Shape shape) {
  return g.variable(name, {shape, DType::f32}, Role::parameter);
}
void output(Graph& g, Value value) {
  graph::assign(g.variable("out", value.type(), Role::metric), value);
}

struct Conv {
  Shape x;
  std::int64_t filters, size, stride, pad, groups;
};

// 0 forward, 1 gradient of the input, 2 of the kernel.
Case conv_case(const Conv& c, int direction) {
  WindowAttributes w;
  w.size = {c.size, c.size};
  w.stride = {c.stride, c.stride};
  w.pad_before = w.pad_after = {c.pad, c.pad};
  w.groups = c.groups;
  w.input = c.x;
  w.kernel = Shape{c.size, c.size, c.x[3] / c.groups, c.filters};
  const Shape y{c.x[0], w.output_extent(0), w.output_extent(1), c.filters};
  static constexpr const char* kNames[] = {"conv2d", "conv2d_grad_input", "conv2d_grad_kernel"};
  return {fmt::format("{} {} {}x{}->{} /{} pad {} groups {}", kNames[direction], to_string(c.x),
                      c.size, c.size, c.filters, c.stride, c.pad, c.groups),
          static_cast<double>(y.elements() * w.kernel.elements() / c.filters), [=](Graph& g) {
            const Value first = input(g, "a", direction == 1 ? y : c.x);
            const Value second = input(g, "b", direction == 2 ? y : w.kernel);
            constexpr Op kOps[] = {Op::conv2d, Op::conv2d_grad_input, Op::conv2d_grad_kernel};
            output(g, g.add(kOps[direction], {first, second}, w));
          }};
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Conv& c :
       {Conv{{32, 32, 32, 3}, 32, 3, 1, 0, 1}, Conv{{32, 15, 15, 32}, 64, 3, 1, 0, 1},
        Conv{{32, 28, 28, 1}, 6, 5, 1, 2, 1}, Conv{{32, 14, 14, 6}, 16, 5, 1, 0, 1},
        Conv{{32, 32, 32, 64}, 64, 3, 1, 1, 1}, Conv{{32, 16, 16, 128}, 128, 3, 1, 1, 1},
        Conv{{32, 4, 4, 256}, 256, 3, 1, 1, 1}, Conv{{32, 32, 32, 16}, 32, 3, 2, 1, 1},
        Conv{{32, 16, 16, 64}, 128, 1, 1, 0, 1}, Conv{{32, 16, 16, 64}, 64, 3, 1, 1, 64},
        Conv{{32, 16, 16, 64}, 64, 3, 1, 1, 4}, Conv{{32, 15, 15, 33}, 33, 3, 1, 1, 1}}) {
    for (int direction : {0, 1, 2}) all.push_back(conv_case(c, direction));
  }
  for (const auto& [m, k, n] : {std::array<std::int64_t, 3>{32, 784, 128},
                                {32, 2304, 64},
                                {32, 128, 10},
                                {128, 512, 512}}) {
    for (int kind : {0, 1, 2}) {
      const Shape a = kind == 0 ? Shape{m, k} : kind == 1 ? Shape{m, n} : Shape{m, k};
      const Shape b = kind == 0 ? Shape{k, n} : kind == 1 ? Shape{k, n} : Shape{m, n};
      all.push_back(
          {fmt::format("matmul {} of [{}, {}] [{}, {}]",
                       kind == 0   ? "product"
                       : kind == 1 ? "input gradient"
                                   : "weight gradient",
                       m, k, k, n),
           static_cast<double>(m * k * n), [=](Graph& g) {
             output(g, graph::matmul(input(g, "a", a), input(g, "b", b), kind == 2, kind == 1));
           }});
    }
  }
  for (const Shape& x : {Shape{32, 30, 30, 32}, Shape{32, 13, 13, 64}}) {
    WindowAttributes w;
    w.size = w.stride = {2, 2};
    w.input = x;
    all.push_back({"max_pool " + to_string(x), 0,
                   [=](Graph& g) { output(g, graph::max_pool(input(g, "x", x), w)); }});
    const Shape y{x[0], w.output_extent(0), w.output_extent(1), x[3]};
    all.push_back({"max_pool_grad " + to_string(x), 0, [=](Graph& g) {
                     output(g, g.add(Op::max_pool_grad,
                                     {input(g, "dy", y), input(g, "x", x), input(g, "y", y)}, w));
                   }});
    all.push_back({"batch_norm " + to_string(x), 0, [=](Graph& g) {
                     output(g, graph::batch_norm(input(g, "x", x), input(g, "gamma", Shape{x[3]}),
                                                 input(g, "beta", Shape{x[3]}), 1e-3)
                                   .y);
                   }});
    all.push_back({"batch_norm_grad " + to_string(x), 0, [=](Graph& g) {
                     const Shape c{x[3]};
                     output(g, g.add(Op::batch_norm_grad,
                                     {input(g, "dy", x), input(g, "x", x), input(g, "gamma", c),
                                      input(g, "mean", c), input(g, "var", c)},
                                     NormAttributes{}));
                   }});
    all.push_back({"reduce_sum to channels " + to_string(x), 0, [=](Graph& g) {
                     output(g, graph::reduce_sum(input(g, "x", x), {0, 1, 2}));
                   }});
  }
  const Shape wide{1 << 18};
  for (Op op : {Op::add, Op::exp, Op::log, Op::tanh, Op::erf, Op::sqrt, Op::div}) {
    all.push_back({fmt::format("{} {}", name(op), to_string(wide)), 0, [=](Graph& g) {
                     std::vector<Value> operands{input(g, "a", wide)};
                     if (info(op).least_inputs == 2) operands.push_back(input(g, "b", wide));
                     output(g, g.add(op, operands));
                   }});
  }
  all.push_back(
      {"dropout_mask [32, 4096]", 0, [=](Graph& g) {
         const Value seed = g.variable("seed", {Shape{}, DType::i64}, Role::counter);
         output(g,
                graph::dropout_mask(
                    seed, seed, {.rate = 0.5, .stream = 0, .type = {Shape{32, 4096}, DType::f32}}));
       }});
  return all;
}

struct Loaded {
  std::unique_ptr<Device> device;
  std::unique_ptr<Store> store;
  std::unique_ptr<Executable> executable;
  double best = 1e9;
};

Loaded load(const Case& one, int threads, const char* convolution) {
  setenv("TREINO_CONVOLUTION", convolution, 1);
  Loaded loaded;
  loaded.device = make_device("cpu", {.threads = threads});
  Graph graph;
  one.build(graph);
  const Program program = compiler::compile(graph, loaded.device->target());
  loaded.store = loaded.device->make_store(program.variables);
  for (std::size_t i = 0; i < program.variables.size(); ++i) {
    if (program.variables[i].type.dtype != DType::f32) continue;
    HostTensor value(DType::f32, program.variables[i].type.shape);
    Rng rng(1, i);
    for (float& x : value.as<float>()) x = static_cast<float>(rng.uniform() + 0.1);
    loaded.store->write(static_cast<int>(i), value);
  }
  loaded.executable = loaded.device->load(program, *loaded.store);
  return loaded;
}

void time(Loaded& loaded) {
  Clock::time_point start = Clock::now();
  loaded.executable->run(1);
  const double once = std::chrono::duration<double>(Clock::now() - start).count();
  const auto steps = static_cast<std::int64_t>(std::clamp(1e-3 / once, 1.0, 500.0));
  start = Clock::now();
  loaded.executable->run(steps);
  loaded.best = std::min(loaded.best, std::chrono::duration<double>(Clock::now() - start).count() /
                                          static_cast<double>(steps));
}

}  // namespace

int main(int argc, char** argv) {
  int threads = 2;
  std::string filter;
  for (int i = 1; i < argc; ++i) {
    const std::string text = argv[i];
    if (text.rfind("threads=", 0) == 0) threads = std::stoi(text.substr(8));
    if (text.rfind("filter=", 0) == 0) filter = text.substr(7);
  }
  fmt::print("{:<64} {:>10} {:>9} {:>10} {:>10}\n", "op", "own us", "GFLOP/s", "winograd",
             "oneDNN");
  for (const Case& one : cases()) {
    if (one.name.find(filter) == std::string::npos) continue;
    Loaded own = load(one, threads, "direct");
    std::vector<Loaded> others;
    for (const char* algorithm : {"winograd", "onednn"}) {
      try {
        others.push_back(load(one, threads, algorithm));
      } catch (const Error&) {  // a build without oneDNN
        continue;
      }
      if (others.back().executable->choices()[0] == own.executable->choices()[0])
        others.back().executable = nullptr;
    }
    for (int round = 0; round < 60; ++round) {
      time(own);
      for (Loaded& other : others) {
        if (other.executable != nullptr) time(other);
      }
    }
    std::string ratios;
    for (const Loaded& other : others) {
      ratios += fmt::format(" {:>10}", other.executable == nullptr
                                           ? ""
                                           : fmt::format("{:.2f}", other.best / own.best));
    }
    fmt::print(
        "{:<64} {:>10.2f} {:>9}{}\n", one.name, own.best * 1e6,
        one.multiply_adds > 0 ? fmt::format("{:.0f}", 2e-9 * one.multiply_adds / own.best) : "",
        ratios);
  }
  return 0;
}
