// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "treino/data/load.h"
#include "treino/train/fit.h"

namespace treino::cli {

// Shows downloads and training on standard error: one line that is drawn again on a terminal, one
// plain line an epoch (and a download) elsewhere, nothing but warnings when quiet.
class TrainingView final : public train::Observer, public data::Progress {
 public:
  explicit TrainingView(bool quiet);
  ~TrainingView() override;

  void downloading(const std::string& file, std::int64_t bytes, std::int64_t total) override;
  void note(const std::string& line) override;
  void ready(double compile_seconds, std::int64_t parameters) override;
  void progress(const train::Progress& progress) override;
  void epoch_done(const train::EpochResult& result) override;

  // A line that quiet leaves out.
  void say(const std::string& line);
  // The lines that always end a training.
  void finished(const train::FitResult& result);

 private:
  void draw(const std::string& line);  // over the one before
  void clear();

  bool quiet_, terminal_, drawn_ = false;
  std::string downloading_;
  std::int64_t download_first_ = 0;
  double download_start_ = 0, last_draw_ = 0;
};

}  // namespace treino::cli
