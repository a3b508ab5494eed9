// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/analyse.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "treino/base/error.h"
#include "treino/experiment/certificate.h"
#include "treino/experiment/comparison.h"
#include "treino/experiment/curves.h"
#include "treino/experiment/power.h"
#include "treino/experiment/time_to_accuracy.h"

namespace treino::experiment {

namespace {

constexpr const char* kCurveColumns[] = {"cpu_cores",    "pss_mib",     "rss_mib",
                                         "gpu_util_pct", "gpu_mem_mib", "gpu_power_w"};

// Largest minus smallest reading while training: the thesis's "variation" (sections 5.2 to 5.5).
void add_variation(Run& run, const Samples& samples, const char* column, const char* metric) {
  const std::vector<double>* values = samples.find(column);
  if (values == nullptr || !run.train_start || run.epochs.empty()) return;
  const double from = *run.train_start, to = from + run.epochs.back().stop;
  double least = INFINITY, most = -INFINITY;
  for (std::size_t i = 0; i < samples.t.size(); ++i) {
    if (samples.t[i] < from || samples.t[i] > to || std::isnan((*values)[i])) continue;
    least = std::min(least, (*values)[i]);
    most = std::max(most, (*values)[i]);
  }
  if (most >= least) run.metrics[metric] = most - least;
}

void add_mean_cores(Run& run) {
  for (const Phase& phase : run.phases) {
    if (phase.name == "epochs" && phase.cpu_s && phase.seconds > 0) {
      run.metrics["cpu_cores_mean"] = *phase.cpu_s / phase.seconds;
    }
  }
}

// The raw samples of every good run, by contestant.
std::map<std::string, std::vector<Course>> courses_of(Result& result, const std::string& folder) {
  std::map<std::string, std::vector<Course>> courses;
  for (Run& run : result.runs) {
    if (run.status != RunStatus::ok) continue;
    Course course{.run = &run};
    const auto sum = run.files.find("samples.csv");
    const std::string path = fmt::format("{}/{}/samples.csv", folder, run.folder);
    if (!folder.empty() && sum != run.files.end() && !sum->second.empty() &&
        std::filesystem::exists(path)) {
      try {
        course.samples = read_samples(path);
      } catch (const Error& error) {
        result.warnings.push_back(error.what());
      }
    }
    add_variation(run, course.samples, "cpu_cores", "cpu_variation");
    add_variation(run, course.samples, "rss_mib", "memory_variation");
    add_variation(run, course.samples, "gpu_util_pct", "gpu_variation");
    add_variation(run, course.samples, "gpu_mem_mib", "gpu_mem_variation");
    add_mean_cores(run);
    courses[run.contestant].push_back(std::move(course));
  }
  return courses;
}

void add_time_to_accuracy(Result& result) {
  if (!result.settings.target_accuracy) return;
  for (Run& run : result.runs) {
    if (run.status != RunStatus::ok) continue;
    if (const auto seconds = time_to_accuracy(run.epochs, *result.settings.target_accuracy)) {
      run.metrics["time_to_accuracy_s"] = *seconds;
    }
  }
}

// Block and value of one metric of one contestant, in order of blocks.
std::map<int, double> readings_of(const Result& result, const std::string& contestant,
                                  std::string_view metric) {
  std::map<int, double> readings;
  for (const Run& run : result.runs) {
    if (run.contestant != contestant || !counts(run)) continue;
    const auto found = run.metrics.find(std::string(metric));
    if (found != run.metrics.end()) readings[run.block] = found->second;
  }
  return readings;
}

void summarise(Result& result) {
  for (const Contestant& contestant : result.contestants) {
    for (const Metric& metric : metrics()) {
      const std::map<int, double> readings = readings_of(result, contestant.id, metric.name);
      if (readings.empty()) continue;
      Summary summary{.contestant = contestant.id, .metric = std::string(metric.name)};
      for (const auto& [block, value] : readings) {
        summary.blocks.push_back(block);
        summary.values.push_back(value);
      }
      summary.n = static_cast<int>(summary.values.size());
      summary.median = median(summary.values);
      summary.mean = mean(summary.values);
      summary.deviation = standard_deviation(summary.values);
      summary.least = *std::ranges::min_element(summary.values);
      summary.most = *std::ranges::max_element(summary.values);
      summary.median_ci95 = median_interval(summary.values);
      summary.outliers = outliers(summary.values);
      result.summaries.push_back(std::move(summary));
    }
  }
}

CompareOptions options_of(const Result& result) {
  CompareOptions options;
  options.alpha = result.settings.alpha;
  options.margin = result.settings.margin;
  options.seed = result.settings.seed;
  return options;
}

// The pair's comparison in the blocks both have; nothing when a ratio cannot be formed.
std::optional<Comparison> compare(const Result& result, const Contestant& a, const Contestant& b,
                                  const Metric& metric) {
  const std::map<int, double> of_a = readings_of(result, a.id, metric.name);
  const std::map<int, double> of_b = readings_of(result, b.id, metric.name);
  std::vector<double> left, right;
  for (const auto& [block, value] : of_a) {
    const auto other = of_b.find(block);
    if (other == of_b.end()) continue;
    if (!(value > 0) || !(other->second > 0)) return std::nullopt;
    left.push_back(value);
    right.push_back(other->second);
  }
  if (left.empty()) return std::nullopt;
  Comparison one = compare_pair(left, right, options_of(result));
  one.work = a.work;
  one.metric = metric.name;
  one.a = a.name;
  one.b = b.name;
  return one;
}

void compare_all(Result& result) {
  for (const Certificate& certificate : result.certificates) {
    const bool ranked = certificate.ok || result.settings.unequal;
    std::vector<const Contestant*> rivals;
    for (const Contestant& contestant : result.contestants) {
      if (contestant.work == certificate.work && contestant.control_of.empty())
        rivals.push_back(&contestant);
    }
    for (const Metric& metric : metrics()) {
      if (!metric.compared) continue;
      std::vector<Comparison> family, control;
      for (std::size_t i = 0; ranked && i < rivals.size(); ++i) {
        for (std::size_t j = i + 1; j < rivals.size(); ++j) {
          if (auto one = compare(result, *rivals[i], *rivals[j], metric))
            family.push_back(std::move(*one));
        }
      }
      // A control against its twin is a test of the experiment itself: a family of its own.
      for (const Contestant& contestant : result.contestants) {
        if (contestant.work != certificate.work || contestant.control_of.empty()) continue;
        const auto twin =
            std::ranges::find(result.contestants, contestant.control_of, &Contestant::id);
        if (auto one = compare(result, *twin, contestant, metric))
          control.push_back(std::move(*one));
      }
      decide(family, metric.time, options_of(result));
      decide(control, metric.time, options_of(result));
      std::ranges::move(family, std::back_inserter(result.comparisons));
      std::ranges::move(control, std::back_inserter(result.comparisons));
    }
  }
}

void add_curves(Result& result, const std::map<std::string, std::vector<Course>>& courses) {
  const auto keep = [&](Curve curve) {
    if (!curve.x.empty()) result.curves.push_back(std::move(curve));
  };
  for (const Contestant& contestant : result.contestants) {
    const auto found = courses.find(contestant.id);
    if (found == courses.end()) continue;
    for (const char* column : kCurveColumns) {
      keep(curve_in_seconds(found->second, column, result.settings.interval_s));
      keep(curve_in_progress(found->second, column));
    }
    keep(learning_curve(found->second, "loss"));
    keep(learning_curve(found->second, "accuracy"));
  }
}

void add_power(Result& result) {
  for (const std::string& work : works_of(result)) {
    const auto is = [&](const Comparison& one, std::string_view metric) {
      return one.work == work && one.metric == metric && !one.b.ends_with(" (again)");
    };
    const bool trained = std::ranges::any_of(
        result.comparisons, [&](const Comparison& one) { return is(one, "train_s"); });
    const std::string_view metric = trained ? "train_s" : "wall_s";
    const Comparison* worst = nullptr;
    int pairs = 0;
    for (const Comparison& one : result.comparisons) {
      if (!is(one, metric)) continue;
      ++pairs;
      if (one.n >= 3 && (worst == nullptr || one.log_deviation > worst->log_deviation))
        worst = &one;
    }
    if (worst == nullptr) continue;
    for (const double effect : {0.02, 0.05, 0.10}) {
      result.powers.push_back(
          {work, std::string(metric), effect,
           blocks_needed(std::log1p(effect), worst->log_deviation, result.settings.alpha / pairs),
           worst->a + " and " + worst->b});
    }
  }
}

}  // namespace

void analyse(Result& result, const std::string& folder) {
  result.summaries.clear();
  result.comparisons.clear();
  result.certificates.clear();
  if (!folder.empty()) result.curves.clear();  // else those there were stay
  result.powers.clear();
  const std::map<std::string, std::vector<Course>> courses = courses_of(result, folder);
  add_time_to_accuracy(result);
  summarise(result);
  for (const std::string& work : works_of(result))
    result.certificates.push_back(certify(result, work));
  compare_all(result);
  if (!folder.empty()) add_curves(result, courses);
  add_power(result);
  const std::vector<std::string> found = judge(result);
  result.warnings.insert(result.warnings.end(), found.begin(), found.end());
}

}  // namespace treino::experiment
