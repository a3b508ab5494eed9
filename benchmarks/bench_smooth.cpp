// SPDX-License-Identifier: Apache-2.0
// Smoothness: what one more of a dimension costs, against the next full vector or tile.
//   treino_bench_smooth [seed=1] [shapes=20] [worst=10]
// Convolutions (all three directions) and products of shapes drawn from the seed are timed at a
// dimension's extent d + 1 (d a multiple of its unit) and at d + unit: 33 channels should cost no
// more than 48 on 16 lanes. Printed are the worst ratios; above 1.1 is a step worth a look. One
// thread, its own CPU time, best of many turns, so that neighbours show little.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "treino/backend/devices.h"
#include "treino/base/rng.h"
#include "treino/compiler/compile.h"
#include "treino/graph/build.h"

namespace {

using namespace treino;

constexpr int kTurns = 25;

struct Dimension {
  const char* name;
  std::int64_t unit;
};
constexpr Dimension kDimensions[] = {
    {"batch", 2}, {"height", 4}, {"width", 4}, {"in", 16}, {"out", 16}};
using Extents = std::array<std::int64_t, 5>;

constexpr const char* kOps[] = {"conv2d", "conv2d_grad_input", "conv2d_grad_kernel", "matmul"};

Value variable(Graph& g, const char* name, const Shape& shape) {
  return g.variable(name, {shape, DType::f32}, Role::parameter);
}

void emit(Graph& g, int op, std::int64_t size, const Extents& e) {
  const auto [batch, height, width, in, out] = e;
  Value result;
  if (op == 3) {
    result = graph::matmul(variable(g, "a", Shape{batch, in * size}),
                           variable(g, "b", Shape{in * size, out}));
  } else {
    WindowAttributes w;
    w.size = {size, size};
    w.pad_before = w.pad_after = {size / 2, size / 2};
    w.input = Shape{batch, height, width, in};
    w.kernel = Shape{size, size, in, out};
    const Shape y{batch, w.output_extent(0), w.output_extent(1), out};
    constexpr Op kOp[] = {Op::conv2d, Op::conv2d_grad_input, Op::conv2d_grad_kernel};
    result = g.add(
        kOp[op],
        {variable(g, "a", op == 1 ? y : w.input), variable(g, "b", op == 2 ? y : w.kernel)}, w);
  }
  graph::assign(g.variable("out", result.type(), Role::metric), result);
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct Timed {
  std::unique_ptr<Store> store;
  std::unique_ptr<Executable> executable;
  double best = 1e9;

  Timed(Device& device, int op, std::int64_t size, const Extents& extents) {
    Graph graph;
    emit(graph, op, size, extents);
    const Program program = compiler::compile(graph, device.target());
    store = device.make_store(program.variables);
    for (std::size_t i = 0; i < program.variables.size(); ++i) {
      HostTensor value(DType::f32, program.variables[i].type.shape);
      Rng rng(1, i);
      for (float& x : value.as<float>()) x = static_cast<float>(rng.uniform() + 0.1);
      store->write(static_cast<int>(i), value);
    }
    executable = device.load(program, *store);
    executable->run(1);
  }

  void turn() {
    const double start = cpu_seconds();
    std::int64_t runs = 0;
    double elapsed = 0;
    for (; elapsed < 5e-4; elapsed = cpu_seconds() - start) executable->run(4), runs += 4;
    best = std::min(best, elapsed / static_cast<double>(runs));
  }
};

struct Found {
  double ratio;
  std::string text;
};

Found compare(Device& device, int op, std::int64_t size, const Extents& base, std::size_t which) {
  Extents one = base, full = base;
  one[which] += 1;
  full[which] += kDimensions[which].unit;
  Timed small(device, op, size, one), large(device, op, size, full);
  for (int i = 0; i < kTurns; ++i) small.turn(), large.turn();
  return {small.best / large.best,
          fmt::format("{:<18} {}x{} batch {} {}x{} {}->{}: {} {} takes {:.1f} us, {} takes {:.1f} "
                      "us  ({})",
                      kOps[op], size, size, base[0], base[1], base[2], base[3], base[4],
                      kDimensions[which].name, one[which], small.best * 1e6, full[which],
                      large.best * 1e6, small.executable->choices()[0])};
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::size_t> options{{"seed", 1}, {"shapes", 20}, {"worst", 10}};
  for (int i = 1; i < argc; ++i) {
    const std::string text = argv[i];
    const std::size_t at = text.find('=');
    if (at == std::string::npos || !options.contains(text.substr(0, at))) {
      fmt::print(stderr, "usage: treino_bench_smooth [seed=1] [shapes=20] [worst=10]\n");
      return 2;
    }
    options[text.substr(0, at)] = std::stoul(text.substr(at + 1));
  }
  const auto device = make_device("cpu", {.threads = 1});
  Rng rng(options["seed"], 0);
  const auto draw = [&](std::int64_t least, std::int64_t most, std::int64_t unit) {
    const auto choices = static_cast<std::uint64_t>((most - least) / unit + 1);
    return least + unit * static_cast<std::int64_t>(rng.below(choices));
  };
  std::vector<Found> all;
  for (std::size_t shape = 0; shape < options["shapes"]; ++shape) {
    const int op = static_cast<int>(rng.below(4));
    constexpr std::int64_t kSizes[] = {1, 3, 3, 5};
    const std::int64_t size = kSizes[rng.below(4)];
    const Extents base{draw(8, 32, 2), draw(8, 24, 4), draw(8, 24, 4), draw(16, 64, 16),
                       draw(16, 64, 16)};
    for (std::size_t which : {0, 1, 2, 3, 4}) {
      if (op == 3 && (which == 1 || which == 2)) continue;
      all.push_back(compare(*device, op, size, base, which));
    }
  }
  std::sort(all.begin(), all.end(),
            [](const Found& a, const Found& b) { return a.ratio > b.ratio; });
  const auto steep =
      std::count_if(all.begin(), all.end(), [](const Found& found) { return found.ratio > 1.1; });
  fmt::print("{} comparisons, {} above 1.1; the worst:\n", all.size(), steep);
  for (std::size_t i = 0; i < std::min(options["worst"], all.size()); ++i)
    fmt::print("{:6.2f}  {}\n", all[i].ratio, all[i].text);
  return 0;
}
