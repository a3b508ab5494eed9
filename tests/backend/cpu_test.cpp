// SPDX-License-Identifier: Apache-2.0
// The CPU device against the reference: every instruction set, with and without oneDNN, odd shapes;
// and the same bits on any number of threads.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <functional>

#include "tests/support/drawn.h"
#include "treino/backend/devices.h"
#include "treino/base/rng.h"
#include "treino/compiler/compile.h"
#include "treino/graph/build.h"

namespace treino {
namespace {

using namespace graph;

// Values of TREINO_CONVOLUTION this build knows.
std::vector<const char*> algorithms() {
#ifdef TREINO_HAS_ONEDNN
  return {"", "direct", "winograd", "onednn"};
#else
  return {"", "direct", "winograd"};
#endif
}

// Sets an environment variable while it lives.
class Setting {
 public:
  Setting(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Setting() { unsetenv(name_); }

 private:
  const char* name_;
};

// Chooses the instruction set of the devices made while it lives.
class Isa {
 public:
  explicit Isa(const char* name) { setenv("TREINO_ISA", name, 1); }
  ~Isa() { unsetenv("TREINO_ISA"); }
};

std::vector<const char*> isas() {
  std::vector<const char*> found;
  for (const char* name : {"avx512", "avx2", "portable"}) {
    const Isa isa(name);
    try {
      make_device("cpu", {.threads = 1});
      found.push_back(name);
    } catch (const Error&) {  // not of this machine
    }
  }
  return found;
}

std::vector<HostTensor> run(Device& device, const Graph& graph, bool optimize, DType as,
                            int steps = 1) {
  const Program program =
      compiler::compile(graph, device.target(), {.name = "test", .optimize = optimize});
  const auto store = device.make_store(program.variables);
  for (int i = 0; i < static_cast<int>(program.variables.size()); ++i) {
    store->write(i, test::drawn(program.variables[static_cast<std::size_t>(i)].type,
                                static_cast<std::uint64_t>(i)));
  }
  device.load(program, *store)->run(steps);
  std::vector<HostTensor> results;
  for (int i = 0; i < static_cast<int>(program.variables.size()); ++i)
    results.push_back(store->read(i, as));
  return results;
}

double difference(const HostTensor& a, const HostTensor& b) {  // relative, by norm
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < a.as<double>().size(); ++i) {
    const double x = a.as<double>()[i], y = b.as<double>()[i];
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    error += (x - y) * (x - y);
    norm += y * y;
  }
  for (double y : b.as<double>()) norm += std::isfinite(y) ? y * y : 0;
  return std::sqrt(error / std::max(norm, 1e-30));
}

struct Case {
  std::string name;
  std::function<void(Graph&)> build;
};

Value input(Graph& g, const char* name, Shape shape, DType dtype = DType::f32) {
  return g.variable(name, {shape, dtype}, Role::parameter);
}
void output(Graph& g, const char* name, Value value) {
  assign(g.variable(name, value.type(), Role::metric), value);
}

WindowAttributes window(std::int64_t size, std::int64_t stride = 1, std::int64_t pad = 0,
                        std::int64_t dilation = 1, std::int64_t groups = 1) {
  WindowAttributes w;
  w.size = {size, size};
  w.stride = {stride, stride};
  w.pad_before = {pad, pad};
  w.pad_after = {pad, pad};
  w.dilation = {dilation, dilation};
  w.groups = groups;
  return w;
}

Case conv_case(Shape x, std::int64_t filters, WindowAttributes w) {
  return {
      "conv " + to_string(x) + " " + to_string(Attributes(w)) + " -> " + std::to_string(filters),
      [=](Graph& g) {
        const Value image = input(g, "x", x);
        const Value kernel = input(g, "k", Shape{w.size[0], w.size[1], x[3] / w.groups, filters});
        const Value bias = input(g, "b", Shape{filters});
        const Value y = conv2d(image, kernel, w);
        const Value weight = input(g, "w", y.shape());
        const Value loss = reduce_sum(relu(y + bias) * weight, {0, 1, 2, 3});
        output(g, "y", y);
        output(g, "dx", gradient(loss, image));
        output(g, "dk", gradient(loss, kernel));
        output(g, "db", gradient(loss, bias));
      }};
}

Case pool_case(bool largest, Shape x, WindowAttributes w) {
  return {
      std::string(largest ? "max" : "avg") + "_pool " + to_string(x) + " " +
          to_string(Attributes(w)),
      [=](Graph& g) {
        const Value image = input(g, "x", x);
        const Value y = largest ? max_pool(image, w) : avg_pool(image, w);
        output(g, "y", y);
        output(g, "dx", gradient(reduce_sum(y * input(g, "w", y.shape()), {0, 1, 2, 3}), image));
      }};
}

Case matmul_case(std::int64_t m, std::int64_t k, std::int64_t n) {
  return {"matmul " + to_string(Shape{m, k, n}), [=](Graph& g) {
            const Value a = input(g, "a", Shape{m, k}), at = input(g, "at", Shape{k, m});
            const Value b = input(g, "b", Shape{k, n}), bt = input(g, "bt", Shape{n, k});
            output(g, "nn", relu(matmul(a, b) + input(g, "bias", Shape{n})));
            output(g, "tn", matmul(at, b, true, false));
            output(g, "nt", matmul(a, bt, false, true));
            output(g, "tt", matmul(at, bt, true, true));
          }};
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (auto [m, k, n] : {std::array<std::int64_t, 3>{32, 784, 128},
                         {32, 128, 10},
                         {1, 1, 1},
                         {7, 5, 17},
                         {33, 65, 31},
                         {100, 33, 300},
                         {5, 300, 129}}) {
    all.push_back(matmul_case(m, k, n));
  }
  all.push_back(conv_case({2, 32, 32, 3}, 32, window(3)));
  all.push_back(conv_case({9, 15, 15, 32}, 64, window(3)));
  all.push_back(conv_case({1, 5, 7, 17}, 33, window(3, 1, 1)));
  all.push_back(conv_case({7, 9, 9, 1}, 5, window(5, 2, 2)));
  all.push_back(conv_case({3, 8, 8, 6}, 10, window(3, 2, 1, 2, 2)));
  all.push_back(conv_case({9, 8, 8, 17}, 17, window(3, 1, 1, 1, 17)));
  all.push_back(conv_case({2, 8, 9, 4}, 8, window(3, 2, 1, 1, 4)));
  all.push_back(conv_case({33, 1, 1, 17}, 9, window(1)));
  all.push_back(conv_case({4, 6, 6, 160}, 192, window(3, 1, 1)));
  all.push_back(conv_case({2, 9, 9, 3}, 4, window(1, 3)));
  for (bool largest : {true, false}) {
    all.push_back(pool_case(largest, {3, 30, 30, 32}, window(2, 2)));
    all.push_back(pool_case(largest, {7, 13, 13, 17}, window(3, 2, 1)));
    all.push_back(pool_case(largest, {1, 5, 7, 1}, window(3, 1, 1)));
    all.push_back(pool_case(largest, {2, 9, 9, 5}, window(2, 2, 0, 2)));
  }
  for (const Shape& x :
       {Shape{33, 17}, Shape{7, 5, 7, 1}, Shape{16, 30, 30, 32}, Shape{2, 3, 3, 100}}) {
    all.push_back({"batch_norm " + to_string(x), [=](Graph& g) {
                     const Value image = input(g, "x", x) * 2.0 + 30.0;
                     const Value gamma = input(g, "gamma", Shape{x.back()}),
                                 beta = input(g, "beta", Shape{x.back()});
                     const BatchNormValues norm = batch_norm(image, gamma, beta, 1e-3);
                     std::vector<int> axes;
                     for (int i = 0; i < x.rank(); ++i) axes.push_back(i);
                     const Value loss = reduce_sum(norm.y * input(g, "w", x), axes);
                     output(g, "y", norm.y);
                     output(g, "mean", norm.mean);
                     output(g, "variance", norm.variance);
                     output(g, "dx", gradient(loss, image));
                     output(g, "dgamma", gradient(loss, gamma));
                     output(g, "dbeta", gradient(loss, beta));
                   }});
  }
  for (const Shape& x : {Shape{32, 10}, Shape{1, 1}, Shape{7, 33}, Shape{3, 1000}}) {
    all.push_back({"softmax " + to_string(x), [=](Graph& g) {
                     const Value logits = input(g, "x", x) * 5.0,
                                 targets = softmax(input(g, "t", x));
                     output(g, "p", softmax(logits));
                     const Value losses = cross_entropy(logits, targets);
                     output(g, "losses", losses);
                     output(g, "dlogits", gradient(reduce_sum(losses, {0}), logits));
                     output(g, "argmax", argmax(logits));
                   }});
  }
  for (const Shape& x : {Shape{3, 5, 7}, Shape{64, 40, 3}, Shape{1000, 1, 2}, Shape{2, 3, 5000}}) {
    all.push_back(
        {"movement " + to_string(x), [=](Graph& g) {
           const Value v = input(g, "x", x);
           output(g, "t201", transpose(v, {2, 0, 1}));
           output(g, "t021", transpose(v, {0, 2, 1}));
           output(g, "t210", transpose(v, {2, 1, 0}));
           for (const auto& axes :
                std::vector<std::vector<int>>{{0}, {1}, {2}, {0, 1}, {1, 2}, {0, 2}, {0, 1, 2}}) {
             std::string name;
             for (int axis : axes) name += std::to_string(axis);
             output(g, ("sum" + name).c_str(), reduce_sum(v, axes));
             output(g, ("max" + name).c_str(), reduce_max(v, axes));
           }
           output(g, "sum64", reduce_sum(cast(v, DType::f64), {0, 2}));
           const Value channels = input(g, "c", Shape{x[2]}),
                       rows = input(g, "r", Shape{x[0], 1, 1});
           const Value middle = input(g, "m", Shape{x[1], 1}), one = input(g, "one", Shape{});
           output(g, "mixed", (v * channels + rows) * one - middle);
           output(g, "broadcast", broadcast(middle, x));
         }});
  }
  all.push_back({"gather", [](Graph& g) {
                   const Value table = g.variable("table", {Shape{5, 3, 4}, DType::u8}, Role::data);
                   const Value order = g.variable("order", {Shape{20}, DType::i32}, Role::data);
                   const Value start = input(g, "start", Shape{}, DType::i64);
                   const Value indices = graph::window(order, start, 9);
                   output(g, "rows", cast(gather_rows(table, indices), DType::f32) * (1 / 255.0));
                   output(g, "hot", one_hot(indices, 5));
                   output(g, "next", start + 9.0);
                 }});
  all.push_back(
      {"dropout", [](Graph& g) {
         const Value seed = input(g, "seed", Shape{}, DType::i64),
                     position = input(g, "at", Shape{}, DType::i64);
         output(g, "mask",
                dropout_mask(seed, position,
                             {.rate = 0.3, .stream = 3, .type = {Shape{5, 7, 3}, DType::f32}}));
         output(g, "wide",
                dropout_mask(seed, position,
                             {.rate = 0.5, .stream = 9, .type = {Shape{33, 128}, DType::f32}}));
       }});
  return all;
}

TEST(CpuDevice, AgreesWithTheReferenceOnEveryInstructionSet) {
  const auto reference = make_device("reference");
  for (const Case& one : cases()) {
    Graph graph;
    one.build(graph);
    const auto expected = run(*reference, graph, false, DType::f64);
    for (const char* name : isas()) {
      const Isa isa(name);
      for (const char* algorithm : algorithms()) {
        if (one.name.rfind("conv", 0) != 0 && *algorithm != '\0') continue;
        const Setting convolutions("TREINO_CONVOLUTION", algorithm);
        const auto device = make_device("cpu", {.threads = 2});
        for (const bool optimize : {false, true}) {
          const auto got = run(*device, graph, optimize, DType::f64);
          for (std::size_t i = 0; i < got.size(); ++i) {
            EXPECT_LT(difference(got[i], expected[i]), 5e-6)
                << one.name << ", " << graph.variables()[i].name << ", " << name << ", "
                << algorithm << (optimize ? ", optimized" : "");
          }
        }
      }
    }
  }
}

// Every size of tiles and every pair of sizes along a dimension, both ways, in blocks of several
// images. With these channels no output of any case is so near to relu's bend that rounding
// decides.
TEST(CpuDevice, WinogradServesEveryExtentByTilesOfTwoSizes) {
  const auto reference = make_device("reference");
  const Setting winograd("TREINO_CONVOLUTION", "winograd");
  for (const std::int64_t height : {1, 2, 3, 4, 5, 6, 7, 8, 9, 13}) {
    for (const std::int64_t width : {1, 2, 3, 4, 5, 6, 7, 8, 9, 13}) {
      const Case one = conv_case({5, height, width, 18}, 19, window(3, 1, 1 + height % 2));
      Graph graph;
      one.build(graph);
      const auto expected = run(*reference, graph, false, DType::f64);
      for (const char* name : isas()) {
        const Isa isa(name);
        const auto got = run(*make_device("cpu", {.threads = 1}), graph, true, DType::f64);
        for (std::size_t i = 0; i < got.size(); ++i) {
          EXPECT_LT(difference(got[i], expected[i]), 5e-6)
              << one.name << ", " << graph.variables()[i].name << ", " << name;
        }
      }
    }
  }
}

TEST(CpuDevice, ElementaryFunctionsAreWithinAFewUnitsInTheLastPlace) {
  const std::vector<double> points = {
      0.0, -0.0,  1e-30, -1e-30, 1e-6,   -1e-6, 1e-3, 0.1, -0.1, 0.3, -0.3, 0.5, -0.5,
      0.9, 0.999, 1,     -1,     1.0001, 1.5,   2,    -2,  3,    -3,  3.9,  4.5, -5,
      8,   -9,    10,    20,     -20,    40,    -40,  80,  87,   -87, 88.5};
  const auto reference = make_device("reference");
  for (const char* name : isas()) {
    const Isa isa(name);
    const auto cpu = make_device("cpu", {.threads = 1});
    for (const Op op : {Op::exp, Op::expm1, Op::log, Op::log1p, Op::erf, Op::tanh, Op::sigmoid,
                        Op::softplus, Op::sqrt, Op::rsqrt, Op::cos, Op::relu, Op::floor, Op::sign,
                        Op::abs, Op::square, Op::is_finite}) {
      Graph graph;
      output(graph, "y",
             unary(op, input(graph, "x", Shape{static_cast<std::int64_t>(points.size() + 400)})));
      std::vector<HostTensor> results;
      HostTensor x(DType::f32, Shape{static_cast<std::int64_t>(points.size() + 400)});
      for (std::size_t i = 0; i < points.size(); ++i)
        x.as<float>()[i] = static_cast<float>(points[i]);
      Rng rng(1, 1);
      for (std::size_t i = points.size(); i < points.size() + 400; ++i) {
        x.as<float>()[i] = static_cast<float>(rng.normal() * (i % 2 == 0 ? 1 : 10));
      }
      for (Device* device : {reference.get(), cpu.get()}) {
        const Program program = compiler::compile(graph, device->target());
        const auto store = device->make_store(program.variables);
        store->write("x", x);
        device->load(program, *store)->run(1);
        results.push_back(store->read(store->find("y"), DType::f64));
      }
      for (std::size_t i = 0; i < x.as<float>().size(); ++i) {
        const double expected = results[0].as<double>()[i], got = results[1].as<double>()[i];
        const float argument = x.as<float>()[i];
        if (std::isnan(expected)) {
          EXPECT_TRUE(std::isnan(got)) << treino::name(op) << " of " << argument << ", " << name;
          continue;
        }
        if (std::isinf(expected)) {
          EXPECT_EQ(got, expected) << treino::name(op) << " of " << argument << ", " << name;
          continue;
        }
        // Denormal results may be flushed to 0.
        EXPECT_NEAR(got, expected, std::fabs(expected) * 4e-7 + 1.2e-38)
            << treino::name(op) << " of " << argument << ", " << name;
      }
    }
  }
}

// A small network with everything in it, trained with Adam-like updates on the device.
void build_network(Graph& g) {
  const Value images = g.variable("images", {Shape{40, 12, 12, 3}, DType::u8}, Role::data);
  const Value labels = g.variable("labels", {Shape{40}, DType::i32}, Role::data);
  const Value order = g.variable("order", {Shape{40}, DType::i32}, Role::data);
  const Value step = g.variable("step", {Shape{}, DType::i64}, Role::counter);
  const Value indices = graph::window(order, step, 16);
  const Value x = cast(gather_rows(images, indices), DType::f32) * (1 / 255.0);
  const Value k1 = input(g, "k1", Shape{3, 3, 3, 20}), k2 = input(g, "k2", Shape{3, 3, 20, 24});
  const Value gamma = input(g, "gamma", Shape{20}), beta = input(g, "beta", Shape{20});
  const Value w = input(g, "w", Shape{96, 10}), b = input(g, "b", Shape{10});
  const BatchNormValues norm =
      batch_norm(relu(conv2d(x, k1, window(3, 1, 1)) * 0.2), gamma, beta, 1e-3);
  const Value pooled = max_pool(norm.y, window(2, 2));
  const Value second = max_pool(tanh(conv2d(pooled, k2, window(3)) * 0.1), window(2, 2));
  const Value flat = reshape(second, Shape{16, 96});
  const Value mask =
      dropout_mask(step, step, {.rate = 0.4, .stream = 0, .type = {flat.shape(), DType::f32}});
  const Value targets = one_hot(gather_rows(labels, indices), 10);
  const Value loss = mean(cross_entropy(matmul(flat * mask, w) + b, targets), {0});
  for (const Value& p : {k1, k2, gamma, beta, w, b}) {
    const std::string name =
        g.variables()[static_cast<std::size_t>(
                          std::get<VariableAttributes>(g.node(p.node).attributes).index)]
            .name;
    const Value m = g.variable("m." + name, p.type(), Role::optimizer),
                v = g.variable("v." + name, p.type(), Role::optimizer);
    const Value dp = gradient(loss, p);
    const Value m1 = m * 0.9 + dp * 0.1, v1 = abs(v) * 0.99 + square(dp) * 0.01;
    assign(m, m1);
    assign(v, v1);
    assign(p, p - m1 / (sqrt(v1) + 1e-3) * 0.01);
  }
  const Value total = g.variable("loss", {Shape{}, DType::f64}, Role::metric);
  assign(total, total + cast(loss, DType::f64));
  assign(step, step + 1.0);
}

TEST(CpuDevice, GivesTheSameBitsOnAnyNumberOfThreads) {
  for (const char* algorithm : algorithms()) {
    const Setting convolutions("TREINO_CONVOLUTION", algorithm);
    Graph graph;
    build_network(graph);
    std::vector<HostTensor> first;
    for (const int threads : {1, 2, 3, 4, 1}) {
      const auto device = make_device("cpu", {.threads = threads});
      auto results = run(*device, graph, true, DType::f64, 5);
      if (first.empty()) first = results;
      for (std::size_t i = 0; i < first.size(); ++i) {
        EXPECT_EQ(results[i].bytes, first[i].bytes)
            << graph.variables()[i].name << " on " << threads << " threads, " << algorithm;
      }
    }
  }
}

TEST(CpuDevice, TrainsLikeTheReference) {
  Graph graph;
  build_network(graph);
  const auto expected = run(*make_device("reference"), graph, true, DType::f64, 3);
  for (const char* name : isas()) {
    const Isa isa(name);
    const auto got = run(*make_device("cpu", {.threads = 2}), graph, true, DType::f64, 3);
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_LT(difference(got[i], expected[i]), 1e-3) << graph.variables()[i].name << ", " << name;
    }
  }
}

}  // namespace
}  // namespace treino
