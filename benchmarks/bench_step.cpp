// SPDX-License-Identifier: Apache-2.0
// Time of a recipe's training step on a device, whole and by program step, on random samples or
// given ones:
//   treino_bench_step recipes/mnist.toml [threads=2] [device=cpu] [onednn=1] [profile=1]
//   [program=0] [seconds=2] [samples=FILE labels=FILE] [predict=0] [batch=the recipe's]
//   [epoch=200] [window=0.002] [precision=the recipe's]
// On a GPU a window of 0.05 and an epoch of 2000 steps make what the host adds small.
// The whole-step figure is the best of many short windows, so that a busy neighbour shows little.
// How long a word takes between two cores says whether a host has put them on one die.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <numeric>

#include "recipe_step.h"
#include "round_trip.h"
#include "treino/base/error.h"

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

int run(int argc, char** argv) {
  const double seconds = option(argc, argv, "seconds", 2);
  bench::StepOptions options;
  options.recipe = argv[1];
  options.threads = static_cast<int>(option(argc, argv, "threads", 2));
  options.onednn = option(argc, argv, "onednn", 1) != 0;
  options.device = text_option(argc, argv, "device", "cpu");
  options.precision = text_option(argc, argv, "precision", "");
  options.samples = text_option(argc, argv, "samples", "");
  options.labels = text_option(argc, argv, "labels", "");
  options.predict = option(argc, argv, "predict", 0) != 0;
  options.batch = static_cast<std::int64_t>(option(argc, argv, "batch", 0));
  options.epoch = static_cast<std::int64_t>(option(argc, argv, "epoch", 200));
  const double window = option(argc, argv, "window", 2e-3);
  bench::RecipeStep step(options);
  const Program& program = step.program();
  if (option(argc, argv, "program", 0) != 0) fmt::print("{}\n", to_text(program));

  std::vector<double> windows;
  std::int64_t steps = 1;
  step.run(1);
  for (const Clock::time_point begin = Clock::now();
       since(begin) < seconds || windows.size() < 5;) {
    const Clock::time_point start = Clock::now();
    step.run(steps);
    const double each = since(start) / static_cast<double>(steps);
    if (each * static_cast<double>(steps) < window && steps < (window > 2e-3 ? 4096 : 64))
      steps *= 2;
    else
      windows.push_back(each);
  }
  std::sort(windows.begin(), windows.end());
  struct rusage usage {};
  getrusage(RUSAGE_SELF, &usage);
  fmt::print(
      "{}: step best {:.1f} us, median {:.1f} us ({} windows of {}); compile {:.1f} ms, load "
      "{:.1f} ms, {} MiB; device arena {:.1f} MiB, variables and data {:.1f} MiB\n",
      step.name(), windows[0] * 1e6, windows[windows.size() / 2] * 1e6, windows.size(), steps,
      step.compile_seconds() * 1e3, step.load_seconds() * 1e3, usage.ru_maxrss / 1024,
      static_cast<double>(program.arena_bytes) / (1 << 20),
      static_cast<double>(step.state_bytes()) / (1 << 20));

  if (options.device == "cpu" && options.threads > 1)
    fmt::print("a word from core to core and back: {:.0f} ns\n", bench::round_trip() * 1e9);

  if (option(argc, argv, "profile", 1) == 0) return 0;
  std::vector<double> best(program.steps.size(), 1e9);
  for (int round = 0; round < 200; ++round) {
    const StepTimes times = step.profile();
    for (std::size_t i = 0; i < best.size(); ++i) best[i] = std::min(best[i], times.seconds[i]);
  }
  const std::vector<std::string> choices = step.executable().choices();
  for (std::size_t i = 0; i < best.size(); ++i) {
    const Step& each = program.steps[i];
    std::string shapes;
    for (const Tensor& input : each.inputs) shapes += to_string(input.type.shape) + " ";
    fmt::print("{:9.2f} us  {:<20} {:<22} {:<60} {}\n", best[i] * 1e6, name(each.op), each.scope,
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
               "[program=0] [seconds=2] [epoch=200] [window=0.002]\n");
    return 2;
  }
  try {
    return run(argc, argv);
  } catch (const treino::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  }
}
