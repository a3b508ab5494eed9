// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "treino/experiment/told.h"
#include "treino/monitor/sampler.h"

namespace treino::experiment {

// Writes a run's samples.csv and events.jsonl as they come, and keeps what the run's totals need.
class Recorder final : public monitor::Output {
 public:
  explicit Recorder(const std::string& folder);  // throws Error::work when a file cannot be made
  ~Recorder() override;

  void begin(const monitor::Header& header) override;
  void row(const monitor::Row& row) override;
  void mark(const monitor::Mark& mark) override;

  // To the disk; throws Error::work naming the file that is not there whole.
  void close();

  double start() const { return start_; }  // CLOCK_MONOTONIC seconds of the launch
  const std::vector<Heard>& heard() const { return heard_; }
  const Samples& samples() const { return samples_; }

 private:
  class File;
  std::unique_ptr<File> samples_file_, events_file_;
  std::vector<monitor::Column> columns_;
  double start_ = 0;
  std::vector<Heard> heard_;
  Samples samples_;
};

}  // namespace treino::experiment
