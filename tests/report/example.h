// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cmath>

#include "treino/base/rng.h"
#include "treino/experiment/analyse.h"

namespace treino::test {

// A result of made-up runs: contestants "a", "b", ... each 10 % slower than the one before, with
// 1 % of noise, three epochs and curves over a run of 30 s.
inline experiment::Result example(int contestants, int blocks,
                                  const std::string& optimizer_of_b = "adam rate 0.001") {
  using namespace experiment;
  Result result;
  result.name = "example";
  result.title = "Example <of & markup>";
  result.started = "2026-01-02T03:04:05Z";
  result.program = "0.1.0";
  result.settings.blocks = blocks;
  result.machine = {{"processor", "Test CPU"}, {"cores", "2 usable of 2"}};
  Rng rng(4, 4);
  for (int c = 0; c < contestants; ++c) {
    const std::string name(1, static_cast<char>('a' + c));
    result.contestants.push_back({.id = name,
                                  .name = name,
                                  .work = "mnist",
                                  .command = {"run", name},
                                  .program_lines = 100 + c});
    for (int block = 1; block <= blocks; ++block) {
      Run run{.block = block,
              .position = c + 1,
              .contestant = name,
              .folder = fmt::format("blocks/{}-{}", block, name)};
      const double seconds = 10 * std::pow(1.1, c) * std::exp(0.01 * rng.normal());
      run.metrics = {{"wall_s", seconds + 2},
                     {"train_s", seconds},
                     {"cpu_s", 2 * seconds},
                     {"peak_pss_mib", 100.0 + c},
                     {"accuracy", 0.96 + 0.001 * rng.normal()}};
      run.phases = {
          {.name = "start-up", .seconds = 1, .cpu_s = 0.9},
          {.name = "epochs", .seconds = seconds, .cpu_s = 2 * seconds, .peak_pss_mib = 100}};
      for (int k = 1; k <= 3; ++k) {
        run.epochs.push_back({.number = k,
                              .start = (k - 1) * seconds / 3,
                              .stop = k * seconds / 3,
                              .seconds = seconds / 3,
                              .samples = 60000,
                              .steps = 1875,
                              .loss = 1.0 / k,
                              .accuracy = 0.9 + 0.02 * k});
      }
      run.train_start = 2;
      run.test_accuracy = run.metrics["accuracy"];
      run.framework = name;
      run.work = {.layers = "dense[10] 7850",
                  .parameters = 7850,
                  .optimizer = c == 1 ? optimizer_of_b : "adam rate 0.001",
                  .batch = 32,
                  .samples_per_epoch = 60000,
                  .epochs = 3,
                  .train_samples = 60000,
                  .test_samples = 10000,
                  .precision = "float32",
                  .loss = "cross_entropy",
                  .data_sha256 = "06b0",
                  .shuffle = true};
      result.runs.push_back(run);
    }
    for (const char* quantity :
         {"cpu_cores", "pss_mib", "rss_mib", "gpu_util_pct", "gpu_mem_mib", "gpu_power_w"}) {
      for (const char* axis : {"seconds", "progress"}) {
        Curve curve{.contestant = name, .quantity = quantity, .axis = axis};
        for (int i = 0; i < 150; ++i) {
          curve.x.push_back(axis[0] == 's' ? i * 0.7 : i * 0.02);
          curve.middle.push_back(1 + rng.uniform());
          curve.low.push_back(curve.middle.back() * 0.97);
          curve.high.push_back(curve.middle.back() * 1.03);
          curve.runs.push_back(blocks);
        }
        result.curves.push_back(curve);
      }
    }
    result.curves.push_back({.contestant = name,
                             .quantity = "loss",
                             .axis = "progress",
                             .x = {1, 2, 3},
                             .middle = {1, 0.5, 0.3},
                             .low = {0.9, 0.4, 0.2},
                             .high = {1.1, 0.6, 0.4},
                             .runs = {blocks, blocks, blocks}});
  }
  analyse(result, "");
  return result;
}

}  // namespace treino::test
