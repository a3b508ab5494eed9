// SPDX-License-Identifier: Apache-2.0
// What other programs on the same cores cost a training step. Beside the step run 0, 1, 2 ...
// child processes that do nothing but compute; the mean time of a step is set against its fair
// share of the cores:
//   treino_bench_neighbours [recipes/mnist.toml recipes/cifar10.toml] [threads=2] [neighbours=2]
//   [seconds=1] [rounds=5]
// T threads beside k neighbours on C cores have C T / (T + k) cores, T at most; the time that goes
// with a share lies between the quiet times of 1 and of T threads. Rounds are interleaved; the
// table shows their median.
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "recipe_step.h"
#include "tests/support/neighbours.h"
#include "treino/base/error.h"
#include "treino/base/thread_team.h"

namespace {

using namespace treino;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Runs for so long; mean seconds of a step. Calls are as long as those of a run with a display.
double mean_step(bench::RecipeStep& step, double seconds, std::int64_t chunk) {
  const Clock::time_point start = Clock::now();
  std::int64_t steps = 0;
  while (since(start) < seconds) {
    step.run(chunk);
    steps += chunk;
  }
  return since(start) / static_cast<double>(steps);
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

// Time of a step on `share` cores, between those of one core and of all threads.
double fair_time(double share, int threads, double one, double all) {
  if (share <= 1 || threads == 1) return one / std::min(share, 1.0);
  const double part = (share - 1) / (threads - 1);
  return 1 / ((1 - part) / one + part / all);
}

struct Options {
  std::vector<std::string> recipes;
  int threads = 2, neighbours = 2, rounds = 5;
  double seconds = 1;
};

Options read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string text = argv[i];
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) {
      options.recipes.push_back(text);
      continue;
    }
    const std::string name = text.substr(0, equals), value = text.substr(equals + 1);
    if (name == "threads")
      options.threads = std::stoi(value);
    else if (name == "neighbours")
      options.neighbours = std::stoi(value);
    else if (name == "rounds")
      options.rounds = std::stoi(value);
    else if (name == "seconds")
      options.seconds = std::stod(value);
    else
      throw Error::mistake(text + ": unknown; known are threads, neighbours, rounds, seconds");
  }
  if (options.recipes.empty()) options.recipes = {"recipes/mnist.toml", "recipes/cifar10.toml"};
  return options;
}

void measure(const std::string& recipe, const Options& options) {
  std::vector<int> teams{1};
  if (options.threads > 1) teams.push_back(options.threads);
  std::vector<std::unique_ptr<bench::RecipeStep>> steps;
  for (const int threads : teams) {
    bench::StepOptions choice;
    choice.recipe = recipe;
    choice.threads = threads;
    steps.push_back(std::make_unique<bench::RecipeStep>(choice));
  }
  const auto kinds = static_cast<std::size_t>(options.neighbours) + 1;
  std::vector<std::vector<double>> times(teams.size() * kinds);
  std::vector<std::int64_t> chunks;
  for (const auto& step : steps) {
    step->run(3);
    const double each = mean_step(*step, 0.05, 1);
    chunks.push_back(std::max<std::int64_t>(1, static_cast<std::int64_t>(0.05 / each)));
  }
  for (int round = 0; round < options.rounds; ++round) {
    for (std::size_t beside = 0; beside < kinds; ++beside) {
      const test::Neighbours neighbours(static_cast<int>(beside));
      for (std::size_t i = 0; i < steps.size(); ++i)
        times[i * kinds + beside].push_back(mean_step(*steps[i], options.seconds, chunks[i]));
    }
  }
  const int cores = usable_threads();
  for (std::size_t i = 0; i < teams.size(); ++i) {
    const double one = median(times[0]), all = median(times[i * kinds]);
    for (std::size_t beside = 0; beside < kinds; ++beside) {
      const double share = std::min<double>(
          teams[i], static_cast<double>(cores * teams[i]) / (teams[i] + static_cast<int>(beside)));
      const double fair = fair_time(share, teams[i], one, all);
      const double time = median(times[i * kinds + beside]);
      fmt::print(
          "{:<18} {} thread{} {} neighbours: {:9.1f} us a step, fair {:9.1f} us, {:.2f} of it\n",
          steps[i]->name(), teams[i], teams[i] == 1 ? ", " : "s,", beside, time * 1e6, fair * 1e6,
          time / fair);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = read_options(argc, argv);
    for (const std::string& recipe : options.recipes) measure(recipe, options);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  }
}
