// SPDX-License-Identifier: Apache-2.0
// Resources and learning over a run's course: the middle of many runs on one axis.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "treino/experiment/result.h"
#include "treino/experiment/samples.h"

namespace treino::experiment {

// What is known of one run: its samples and where its epochs lie in them.
struct Course {
  const Run* run = nullptr;
  Samples samples;
};

// Means over the stretches between neighbouring `edges` (ascending); straight between the readings
// around it where a stretch holds none; NaN outside the readings.
std::vector<double> resample(std::span<const double> t, std::span<const double> values,
                             std::span<const double> edges);

// Seconds since train_start, until training ends in half of the runs.
Curve curve_in_seconds(std::span<const Course> courses, std::string_view column, double interval_s);

// Progress: epoch k of every run laid from k-1 to k, however long it took; waits before and between
// epochs are not on this axis. Rows are never averaged by their number.
Curve curve_in_progress(std::span<const Course> courses, std::string_view column);

// Loss and accuracy of each epoch; `column` is "loss" or "accuracy".
Curve learning_curve(std::span<const Course> courses, std::string_view column);

}  // namespace treino::experiment
