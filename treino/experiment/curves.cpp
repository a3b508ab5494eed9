// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/curves.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace treino::experiment {

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr int kMostPoints = 150;  // of a curve: more than a screen shows, and a page stays small
constexpr int kPointsAnEpoch = 40;

// Readings of a column without the unknown ones (PSS is read more seldom than the rest).
void known_readings(const Samples& samples, std::string_view column, std::vector<double>& t,
                    std::vector<double>& values) {
  t.clear();
  values.clear();
  const std::vector<double>* all = samples.find(column);
  if (all == nullptr) return;
  for (std::size_t i = 0; i < samples.t.size(); ++i) {
    if (std::isnan((*all)[i])) continue;
    t.push_back(samples.t[i]);
    values.push_back((*all)[i]);
  }
}

double between(std::span<const double> t, std::span<const double> values, double at) {
  const auto after = std::ranges::lower_bound(t, at) - t.begin();
  if (after == 0 || after == static_cast<std::ptrdiff_t>(t.size())) return kNone;
  const auto i = static_cast<std::size_t>(after);
  return std::lerp(values[i - 1], values[i], (at - t[i - 1]) / (t[i] - t[i - 1]));
}

// Adds the middle and band of what the runs read at one x; a point needs half of the runs.
void add_point(Curve& curve, double x, std::vector<double> readings, std::size_t runs) {
  std::erase_if(readings, [](double value) { return std::isnan(value); });
  if (readings.empty() || 2 * readings.size() < runs) return;
  curve.x.push_back(x);
  curve.middle.push_back(median(readings));
  curve.low.push_back(quantile(readings, 0.1));
  curve.high.push_back(quantile(readings, 0.9));
  curve.runs.push_back(static_cast<int>(readings.size()));
}

// A curve from one list of readings a run, all over the middles of the same stretches.
void add_points(Curve& curve, std::span<const double> x,
                const std::vector<std::vector<double>>& rows) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    std::vector<double> readings;
    for (const std::vector<double>& row : rows) {
      if (i < row.size()) readings.push_back(row[i]);
    }
    add_point(curve, x[i], std::move(readings), rows.size());
  }
}

std::vector<double> middles_of(std::span<const double> edges) {
  std::vector<double> middles;
  for (std::size_t i = 1; i < edges.size(); ++i) middles.push_back((edges[i - 1] + edges[i]) / 2);
  return middles;
}

Curve begun(std::span<const Course> courses, std::string_view column, const char* axis) {
  Curve curve;
  if (!courses.empty()) curve.contestant = courses.front().run->contestant;
  curve.quantity = column;
  curve.axis = axis;
  return curve;
}

}  // namespace

std::vector<double> resample(std::span<const double> t, std::span<const double> values,
                             std::span<const double> edges) {
  std::vector<double> means;
  std::size_t i = 0;
  for (std::size_t cell = 1; cell < edges.size(); ++cell) {
    while (i < t.size() && t[i] < edges[cell - 1]) ++i;
    double sum = 0;
    int count = 0;
    for (; i < t.size() && t[i] < edges[cell]; ++i, ++count) sum += values[i];
    means.push_back(count > 0 ? sum / count
                              : between(t, values, (edges[cell - 1] + edges[cell]) / 2));
  }
  return means;
}

Curve curve_in_seconds(std::span<const Course> courses, std::string_view column,
                       double interval_s) {
  Curve curve = begun(courses, column, "seconds");
  double longest = 0;
  for (const Course& course : courses) {
    if (!course.run->epochs.empty()) longest = std::max(longest, course.run->epochs.back().stop);
  }
  if (longest <= 0) return curve;
  const double step = std::max(interval_s, longest / kMostPoints);
  std::vector<std::vector<double>> rows;
  std::vector<double> edges, t, values;
  for (int i = 0; i <= static_cast<int>(std::ceil(longest / step)); ++i) edges.push_back(i * step);
  for (const Course& course : courses) {
    if (!course.run->train_start || course.run->epochs.empty()) continue;
    known_readings(course.samples, column, t, values);
    for (double& at : t) at -= *course.run->train_start;
    rows.push_back(resample(t, values, edges));
    for (std::size_t i = 0; i < rows.back().size(); ++i) {
      if (edges[i] > course.run->epochs.back().stop) rows.back()[i] = kNone;
    }
  }
  add_points(curve, middles_of(edges), rows);
  return curve;
}

Curve curve_in_progress(std::span<const Course> courses, std::string_view column) {
  Curve curve = begun(courses, column, "progress");
  std::size_t epochs = 0;
  for (const Course& course : courses) epochs = std::max(epochs, course.run->epochs.size());
  if (epochs == 0) return curve;
  const int points = std::clamp(kMostPoints / static_cast<int>(epochs), 5, kPointsAnEpoch);
  std::vector<double> x, t, values;
  for (std::size_t k = 0; k < epochs; ++k) {
    for (int i = 0; i < points; ++i) x.push_back(static_cast<double>(k) + (i + 0.5) / points);
  }
  std::vector<std::vector<double>> rows;
  for (const Course& course : courses) {
    if (!course.run->train_start) continue;
    known_readings(course.samples, column, t, values);
    std::vector<double>& row = rows.emplace_back();
    for (const Epoch& epoch : course.run->epochs) {
      std::vector<double> edges;
      for (int i = 0; i <= points; ++i) {
        edges.push_back(*course.run->train_start +
                        std::lerp(epoch.start, epoch.stop, static_cast<double>(i) / points));
      }
      const std::vector<double> means = resample(t, values, edges);
      row.insert(row.end(), means.begin(), means.end());
    }
  }
  add_points(curve, x, rows);
  return curve;
}

Curve learning_curve(std::span<const Course> courses, std::string_view column) {
  Curve curve = begun(courses, column, "progress");
  std::size_t epochs = 0;
  for (const Course& course : courses) epochs = std::max(epochs, course.run->epochs.size());
  for (std::size_t k = 0; k < epochs; ++k) {
    std::vector<double> readings;
    for (const Course& course : courses) {
      if (k >= course.run->epochs.size()) continue;
      const Epoch& epoch = course.run->epochs[k];
      readings.push_back((column == "loss" ? epoch.loss : epoch.accuracy).value_or(kNone));
    }
    add_point(curve, static_cast<double>(k + 1), std::move(readings), courses.size());
  }
  return curve;
}

}  // namespace treino::experiment
