// SPDX-License-Identifier: Apache-2.0
// What an experiment found, as plain data: written as result.json, drawn by the report. A number
// that could not be read is absent, never 0.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "treino/experiment/location.h"

namespace treino::experiment {

using Number = std::optional<double>;

// What a contestant said it did (events `data_ready`, `model_built`, `work`); compared by the
// same-work certificate.
struct Work {
  std::string layers;  // one line: "dense[128] 100480, dropout[128] 0, ..."
  Number parameters;
  std::string optimizer;  // JSON, keys sorted
  Number batch, samples_per_epoch, epochs, train_samples, test_samples;
  std::string precision, loss, data_sha256, device;
  std::optional<bool> shuffle;
  bool operator==(const Work&) const = default;
};

struct Epoch {
  int number = 0;
  double start = 0, stop = 0;  // seconds since train_start
  double seconds = 0;
  Number left_out;  // seconds of evaluation and saving between start and stop, not in `seconds`
  Number samples, steps, loss, accuracy;
};

// What one stretch of a run cost, from counter differences at the events that bound it.
struct Phase {
  std::string name;  // start-up, data, compile, epochs, evaluation
  double seconds = 0;
  Number cpu_s, peak_pss_mib, gpu_s, peak_gpu_mem_mib, gpu_energy_j;
};

enum class RunStatus { ok, failed, timed_out, broken_events, disturbed };

// One run of one contestant in one block.
struct Run {
  int block = 0;     // from 1
  int position = 0;  // in its block, from 1
  std::string contestant;
  RunStatus status = RunStatus::ok;
  std::string trouble;  // one line when it is not ok
  std::string folder;   // with the raw files, below the experiment's
  int attempt = 1;
  int exit_code = 0;
  Number foreign_cpu_pct;  // CPU time others took on this machine's cores, in percent of all of it
  Number observer_cpu_pct, missed_samples, samples;
  std::map<std::string, double> metrics;
  std::vector<Phase> phases;
  std::vector<Epoch> epochs;
  Number train_start;  // seconds since launch
  Number test_loss, test_accuracy;
  std::string framework, version;
  Work work;
  std::map<std::string, std::string> files;  // raw files and their SHA-256
};

struct Contestant {
  std::string id;          // unique; names the folders
  std::string name;        // as the experiment wrote it
  std::string work;        // only contestants of one work are compared
  std::string note;        // "not run here" and the like
  std::string control_of;  // the contestant this one repeats (A/A), else empty
  std::vector<std::string> command;
  // The effort it takes (thesis sections 3.1.2 and 5.6).
  Number program_lines, installed_mib, packages, setup_s;
};

// One metric of one contestant over its accepted runs.
struct Summary {
  std::string contestant, metric;
  int n = 0;
  double median = 0, mean = 0, deviation = 0, least = 0, most = 0;
  std::optional<Interval> median_ci95;  // needs 6 runs
  std::vector<double> values;           // by block
  std::vector<int> blocks;
  std::vector<int> outliers;  // positions in `values`
};

struct Comparison {
  std::string work, metric, a, b;
  double ratio = 1;                    // a / b: the middle of the blocks' ratios
  std::optional<Interval> ci95, ci90;  // from 6 blocks on
  double p = 1;                        // paired sign-flip permutation, two-sided
  double p_corrected = 1;              // Holm over the pairs of this metric and work
  double p_equivalent = 1;             // two one-sided tests against the margin
  int n = 0;
  double log_deviation = 0;  // of ln(a / b) between blocks
  bool can_decide = false;   // so many blocks can pass the correction at all
  std::string verdict;       // faster, slower, less, more, equivalent, no difference shown
  std::vector<double> block_ratios;
};

struct Difference {
  std::string field, contestant, value, other, other_value;
};

struct Certificate {
  std::string work;
  bool ok = false;
  std::vector<Difference> differences;
  std::vector<std::string> unknown;  // what contestants did not say
  std::vector<std::string> notes;    // what differs, but not enough to refuse
};

// A resource or a learning curve of one contestant: the middle of its runs and their 10-90 % band.
struct Curve {
  std::string contestant,
      quantity;      // cpu_cores, pss_mib, gpu_util_pct, gpu_mem_mib, loss, accuracy
  std::string axis;  // seconds (since train_start) or progress (epochs)
  std::vector<double> x, middle, low, high;
  std::vector<int> runs;  // how many runs stand behind each point
};

// How many blocks a difference of this size would need, at the scatter seen.
struct Power {
  std::string work, metric;
  double effect = 0;  // 0.02: 2 %
  int blocks = 0;     // -1: more than a thousand
  std::string worst_pair;
};

struct Settings {
  int blocks = 10;
  double interval_s = 0.1;
  double margin = 0.01, alpha = 0.05;
  unsigned long long seed = 1;
  int threads = 0;
  std::string device, precision;  // empty in results of before they were kept
  std::string cache = "warm", pinning, order;
  double foreign_limit_pct = 2;
  Number target_accuracy;
  bool unequal = false;
};

struct Result {
  int format = 1;
  std::string name, title;
  std::string started;  // ISO 8601, UTC
  std::string program;  // treino's version
  Settings settings;
  std::vector<std::pair<std::string, std::string>> machine;  // what it ran on, in reading order
  std::vector<Contestant> contestants;
  std::vector<Run> runs;  // disturbed and failed ones too
  std::vector<Summary> summaries;
  std::vector<Comparison> comparisons;
  std::vector<Certificate> certificates;
  std::vector<Curve> curves;
  std::vector<Power> powers;
  std::vector<std::string> warnings;  // about this very experiment
};

struct Metric {
  std::string_view name;   // as in result.json
  std::string_view label;  // for people
  std::string_view unit;
  bool time;      // faster and slower; else less and more
  bool compared;  // else only shown
  int decimals;
};

// In the order of tables.
std::span<const Metric> metrics();
const Metric* find_metric(std::string_view name);

}  // namespace treino::experiment
