// SPDX-License-Identifier: Apache-2.0
// Time of a recipe's training step on a device, whole and by program step, on random samples:
//   treino_bench_step recipes/mnist.toml [threads=2] [device=cpu] [onednn=1] [profile=1]
//   [program=0] [seconds=2]
// The whole-step figure is the best of many short windows, so that a busy neighbour shows little.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <numeric>

#include "treino/backend/devices.h"
#include "treino/base/rng.h"
#include "treino/compiler/compile.h"
#include "treino/nn/recipe.h"
#include "treino/nn/steps.h"

namespace {

using namespace treino;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double option(int argc, char** argv, const std::string& name, double usual) {
  for (int i = 2; i < argc; ++i) {
    const std::string text = argv[i];
    if (text.rfind(name + "=", 0) == 0) return std::stod(text.substr(name.size() + 1));
  }
  return usual;
}

std::string text_option(int argc, char** argv, const std::string& name, const std::string& usual) {
  for (int i = 2; i < argc; ++i) {
    const std::string text = argv[i];
    if (text.rfind(name + "=", 0) == 0) return text.substr(name.size() + 1);
  }
  return usual;
}

void fill(Store& store, const nn::BatchGeometry& geometry) {
  Rng rng(1, 1);
  Shape shape{geometry.rows};
  for (std::int64_t extent : geometry.sample) shape.append(extent);
  auto samples = std::make_shared<HostTensor>(DType::u8, shape);
  for (auto& x : samples->as<std::uint8_t>()) x = static_cast<std::uint8_t>(rng.next_u32());
  auto labels = std::make_shared<HostTensor>(DType::i32, Shape{geometry.rows});
  for (auto& x : labels->as<std::int32_t>())
    x = static_cast<std::int32_t>(rng.below(static_cast<std::uint64_t>(geometry.classes)));
  HostTensor order(DType::i32, Shape{geometry.rows});
  std::iota(order.as<std::int32_t>().begin(), order.as<std::int32_t>().end(), 0);
  store.bind(store.find("data.samples"), samples);
  store.bind(store.find("data.labels"), labels);
  store.write("data.order", order);
}

int run(int argc, char** argv) {
  const nn::Recipe recipe = nn::load_recipe(argv[1]);
  const double seconds = option(argc, argv, "seconds", 2);
  const std::vector<double>& extents = recipe.input.shape;
  nn::BatchGeometry geometry;
  geometry.batch = recipe.train.batch;
  geometry.rows = geometry.batch * 200;
  geometry.sample = extents.empty() ? Shape{32, 32, 3} : Shape{};
  for (double extent : extents) geometry.sample.append(static_cast<std::int64_t>(extent));
  geometry.classes = 10;
  geometry.steps_per_epoch = 200;
  const nn::Model model = nn::build_model(recipe, geometry.sample);
  geometry.classes = model.output().elements();
  const nn::StepSpec spec{model, recipe.input, recipe.train};

  DeviceOptions options;
  options.threads = static_cast<int>(option(argc, argv, "threads", 2));
  options.onednn = option(argc, argv, "onednn", 1) != 0;
  const auto device = make_device(text_option(argc, argv, "device", "cpu"), options);
  Graph graph;
  nn::emit_train_step(graph, spec, geometry);
  Clock::time_point start = Clock::now();
  const Program program = compiler::compile(graph, device->target(), {.name = "train"});
  const double compile_seconds = since(start);
  const auto store = device->make_store(program.variables);
  for (const nn::NamedTensor& value : nn::initial_state(spec, geometry))
    store->write(value.name, value.tensor);
  fill(*store, geometry);
  start = Clock::now();
  const auto executable = device->load(program, *store);
  const double load_seconds = since(start);
  if (option(argc, argv, "program", 0) != 0) fmt::print("{}\n", to_text(program));

  std::vector<double> windows;
  const HostTensor zero = HostTensor::scalar<std::int64_t>(DType::i64, 0);
  std::int64_t steps = 1, done = 0;
  executable->run(1);
  for (const Clock::time_point begin = Clock::now();
       since(begin) < seconds || windows.size() < 5;) {
    if ((done += steps) + steps > 190) store->write("counter.offset", zero), done = 0;
    start = Clock::now();
    executable->run(steps);
    const double each = since(start) / static_cast<double>(steps);
    if (each * static_cast<double>(steps) < 2e-3 && steps < 64)
      steps *= 2;
    else
      windows.push_back(each);
  }
  std::sort(windows.begin(), windows.end());
  struct rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  fmt::print(
      "{}: step best {:.1f} us, median {:.1f} us ({} windows of {}); compile {:.1f} ms, load "
      "{:.1f} ms, {} MiB\n",
      recipe.name, windows[0] * 1e6, windows[windows.size() / 2] * 1e6, windows.size(), steps,
      compile_seconds * 1e3, load_seconds * 1e3, usage.ru_maxrss / 1024);

  if (option(argc, argv, "profile", 1) == 0) return 0;
  std::vector<double> best(program.steps.size(), 1e9);
  for (int round = 0; round < 200; ++round) {
    if (round % 100 == 0) store->write("counter.offset", zero);
    const StepTimes times = executable->profile(1);
    for (std::size_t i = 0; i < best.size(); ++i) best[i] = std::min(best[i], times.seconds[i]);
  }
  const std::vector<std::string> choices = executable->choices();
  for (std::size_t i = 0; i < best.size(); ++i) {
    const Step& step = program.steps[i];
    std::string shapes;
    for (const Tensor& input : step.inputs) shapes += to_string(input.type.shape) + " ";
    fmt::print("{:9.2f} us  {:<20} {:<22} {:<60} {}\n", best[i] * 1e6, name(step.op), step.scope,
               shapes.substr(0, 60), choices[i]);
  }
  fmt::print("{:9.2f} us  sum of the steps, each by itself\n",
             std::accumulate(best.begin(), best.end(), 0.0) * 1e6);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr,
               "usage: treino_bench_step RECIPE [threads=2] [device=cpu] [onednn=1] [profile=1] "
               "[program=0] [seconds=2]\n");
    return 2;
  }
  try {
    return run(argc, argv);
  } catch (const treino::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  }
}
