// SPDX-License-Identifier: Apache-2.0
// The charts the golden files show: one of each kind, with what is awkward in each.
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "treino/chart/chart.h"

namespace treino::chart::samples {

// Median and band of two contestants, a gap, events that crowd, a name that needs escaping.
inline Chart curves() {
  Chart chart{.title = "CPU while training, median and 10-90 % band",
              .description = "Two made-up contestants.",
              .x = {.label = "since train start", .unit = "s"},
              .y = {.label = "CPU", .unit = "cores"}};
  for (int s = 0; s < 2; ++s) {
    Series series{.name = s == 0 ? "treino" : "keras <3> & \"tf\""};
    for (int i = 0; i <= 120; ++i) {
      const double t = i * 0.5;
      const double middle = s == 0 ? 1.9 - 1.2 / (1 + t) : 1.2 + 0.4 * std::sin(t / 5);
      series.x.push_back(t);
      series.y.push_back(s == 0 && i > 60 && i < 70 ? kUnknown : middle);
      series.low.push_back(series.y.back() - 0.12);
      series.high.push_back(series.y.back() + 0.2);
    }
    chart.series.push_back(std::move(series));
  }
  chart.events = {{0, "train start"}, {18, "epoch 2"}, {19, "a label in its way"}, {40, "epoch 3"}};
  return chart;
}

// Every run as a dot beside the others of its contestant, with an interval, on a log axis.
inline Chart runs_as_dots() {
  Chart chart{.title = "Training time, every run",
              .x = {.categories = {"treino", "keras", "pytorch"}},
              .y = {.label = "training", .unit = "s", .log = true}};
  Series dots{.kind = Kind::dots, .name = "runs"};
  Series middle{.kind = Kind::dots, .name = "median and 95 % interval", .place = 1};
  for (int c = 0; c < 3; ++c) {
    const double center = std::pow(4.0, c) * 0.8;
    for (int i = 0; i < 10; ++i) {
      dots.x.push_back(c - 0.15 + 0.03 * i);
      dots.y.push_back(center * (1 + 0.08 * std::sin(3.0 * i + c)));
      dots.notes.push_back("block " + std::to_string(i + 1));
    }
    middle.x.push_back(c + 0.3);
    middle.y.push_back(center);
    middle.low.push_back(center * 0.95);
    middle.high.push_back(center * 1.07);
  }
  chart.series = {dots, middle};
  return chart;
}

// Names of any length, an interval, a value that is not known.
inline Chart bars() {
  return bar_chart("Peak memory", {.label = "PSS", .unit = "MiB"},
                   {"treino", "keras on tensorflow, as published", "axon (not run here)"},
                   {86.5, 1562, kUnknown}, {80, 1490, kUnknown}, {95, 1610, kUnknown});
}

// Ratios with intervals around 1.
inline Chart ratios() {
  Chart chart{.title = "Training time as a ratio",
              .x = {.label = "ratio", .log = true},
              .y = {.categories = {"treino / keras", "treino / pytorch", "keras / pytorch"}}};
  chart.series.push_back({.kind = Kind::dots,
                          .x = {0.031, 0.11, 0.97},
                          .y = {0, 1, 2},
                          .low = {0.029, 0.1, 0.93},
                          .high = {0.034, 0.13, 1.04}});
  chart.references.push_back({1, "no difference", true});
  return chart;
}

// Several bars beside each other for each phase.
inline Chart grouped() {
  Chart chart{.title = "Seconds by phase",
              .x = {.categories = {"start", "data", "compile", "train", "eval"}},
              .y = {.label = "time", .unit = "s"}};
  chart.series.push_back({.kind = Kind::bars,
                          .name = "treino",
                          .x = {0, 1, 2, 3, 4},
                          .y = {0.01, 0.12, 0.02, 3.1, 0.2}});
  chart.series.push_back(
      {.kind = Kind::bars, .name = "keras", .x = {0, 1, 2, 3, 4}, .y = {2.4, 0.5, 0.9, 12.2, 0.6}});
  return chart;
}

inline Chart roof() {
  const std::vector<RooflinePoint> points{
      {"conv2d_1 forward", 22, 61}, {"dense_1", 8, 40}, {"adam", 0.17, 2.1}};
  return roofline("Ops under the roof", 140, 18, points);
}

}  // namespace treino::chart::samples
