// SPDX-License-Identifier: Apache-2.0
// Our side of benchmarks/peers: times a recipe's step whenever a line on standard input asks for
// it.
//   treino_bench_peer RECIPE [--samples FILE --labels FILE] [--threads N] [--variant train|predict]
//   [--batch N] [--device cpu|cuda] [--precision float32|tf32|bf16]
// Line in: "measure SECONDS". Line out: {"us": median of windows, "best_us": ...}.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <string>

#include "recipe_step.h"
#include "treino/base/error.h"

namespace {

using namespace treino;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void measure(bench::RecipeStep& step, double seconds) {
  std::vector<double> windows;
  std::int64_t steps = 1;
  for (const auto begin = Clock::now(); since(begin) < seconds || windows.size() < 3;) {
    const auto start = Clock::now();
    step.run(steps);
    const double elapsed = since(start);
    if (elapsed < 0.02 && steps < (1 << 20))
      steps *= 2;
    else
      windows.push_back(elapsed / static_cast<double>(steps));
  }
  std::sort(windows.begin(), windows.end());
  fmt::print("{{\"us\": {:.3f}, \"best_us\": {:.3f}}}\n", windows[windows.size() / 2] * 1e6,
             windows[0] * 1e6);
  std::fflush(stdout);
}

int serve(int argc, char** argv) {
  bench::StepOptions options;
  options.recipe = argv[1];
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--samples")
      options.samples = value;
    else if (name == "--labels")
      options.labels = value;
    else if (name == "--threads")
      options.threads = std::stoi(value);
    else if (name == "--variant")
      options.predict = value == "predict";
    else if (name == "--device")
      options.device = value;
    else if (name == "--precision")
      options.precision = value;
    else if (name == "--batch")
      options.batch = std::stoi(value);
    else
      throw Error::mistake("no option " + name);
  }
  bench::RecipeStep step(options);
  step.run(3);
  fmt::print("{{\"ready\": {:.4f}, \"parameters\": {}, \"device_bytes\": {}}}\n",
             step.compile_seconds() + step.load_seconds(), step.parameters(), step.device_bytes());
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);)
    measure(step, std::stod(line.substr(line.find(' ') + 1)));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr,
               "usage: treino_bench_peer RECIPE [--samples FILE --labels FILE] [--threads N] "
               "[--variant train|predict] [--batch N] [--device cpu|cuda] "
               "[--precision float32|tf32|bf16]\n");
    return 2;
  }
  try {
    return serve(argc, argv);
  } catch (const treino::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  }
}
