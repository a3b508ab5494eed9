// SPDX-License-Identifier: Apache-2.0
#include "treino/cli/training_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "treino/base/clock.h"
#include "treino/base/number_text.h"
#include "treino/cli/terminal.h"

namespace treino::cli {

namespace {

constexpr double kSecondsADrawing = 0.1;

std::string bar(std::int64_t done, std::int64_t all, int width) {
  const auto full = static_cast<std::size_t>(width * done / std::max<std::int64_t>(all, 1));
  return std::string(full, '=') + std::string(static_cast<std::size_t>(width) - full, ' ');
}

std::string loss_text(double loss) {
  return loss < 1e4 ? fmt::format("{:.4f}", loss) : fmt::format("{:.3e}", loss);
}

// Columns a line may take; a terminal echoes ^C behind it.
int width() {
  return std::max(columns() - 3, 20);
}

std::string figures(const train::Metrics& metrics) {
  return fmt::format("loss {}  accuracy {:.4f}", loss_text(metrics.loss), metrics.accuracy);
}

}  // namespace

TrainingView::TrainingView(bool quiet) : quiet_(quiet), terminal_(has_colours()) {}

TrainingView::~TrainingView() {
  clear();
}

void TrainingView::draw(const std::string& line) {
  tell("\r\x1b[2K{}", line.substr(0, static_cast<std::size_t>(width())));
  std::fflush(stderr);
  drawn_ = true;
  last_draw_ = monotonic_seconds();
}

void TrainingView::clear() {
  if (drawn_) tell("\r\x1b[2K");
  drawn_ = false;
}

void TrainingView::note(const std::string& line) {
  clear();
  tell("{}\n", line);
}

void TrainingView::say(const std::string& line) {
  if (!quiet_) note(line);
}

void TrainingView::downloading(const std::string& file, std::int64_t bytes, std::int64_t total) {
  if (quiet_) return;
  const double now = monotonic_seconds();
  if (downloading_ != file) {
    downloading_ = file;
    download_start_ = now;
    download_first_ = bytes;  // what an earlier try had brought came at no rate
    if (!terminal_) tell("downloading {}\n", file);
  }
  if (!terminal_ || (now - last_draw_ < kSecondsADrawing && bytes != total)) return;
  const double rate =
      static_cast<double>(bytes - download_first_) / std::max(now - download_start_, 1e-3);
  std::string line = fmt::format("downloading {}  {}", file, bytes_text(bytes));
  if (total > 0) line += fmt::format(" of {}", bytes_text(total));
  line += fmt::format("  {}/s", bytes_text(static_cast<std::int64_t>(rate)));
  if (total > 0 && rate > 0) {
    line += fmt::format("  ETA {}", clock_text(static_cast<double>(total - bytes) / rate));
  }
  draw(line);
}

void TrainingView::ready(double compile_seconds, std::int64_t parameters) {
  say(fmt::format("{} parameters, compiled in {}", grouped(parameters),
                  seconds_text(compile_seconds)));
}

void TrainingView::progress(const train::Progress& p) {
  if (quiet_ || !terminal_ || monotonic_seconds() - last_draw_ < kSecondsADrawing) return;
  const std::string text = fmt::format("{}/{}  {} samples/s  {} (running)  ETA {}", p.step, p.steps,
                                       grouped(static_cast<std::int64_t>(p.samples_per_second)),
                                       figures(p.running), clock_text(p.seconds_left));
  const std::string epoch = fmt::format("epoch {}/{}  ", p.epoch, p.epochs);
  const int room = width() - static_cast<int>(text.size() + epoch.size()) - 4;
  draw(epoch + (room >= 6 ? fmt::format("[{}]  ", bar(p.step, p.steps, std::min(room, 30))) : "") +
       text);
}

void TrainingView::epoch_done(const train::EpochResult& r) {
  if (quiet_) return;
  std::string line = fmt::format("epoch {}/{}  {}  {} (running)", r.epoch, r.epochs,
                                 seconds_text(r.seconds), figures(r.training));
  if (r.validation) line += fmt::format("  validation {}", figures(*r.validation));
  note(line);
}

void TrainingView::finished(const train::FitResult& result) {
  clear();
  if (result.test) {
    tell("test loss      {}\ntest accuracy  {:.4f}\n", loss_text(result.test->loss),
         result.test->accuracy);
  } else if (result.signal == 0) {
    tell("test accuracy  unknown: the set has no test part\n");
  }
  std::string memory = result.peak_bytes > 0 ? bytes_text(result.peak_bytes) : "unknown";
  if (result.device_bytes > 0)
    memory +=
        fmt::format(", of the GPU's {} besides its driver's", bytes_text(result.device_bytes));
  tell("training       {}\ncompiling      {}\npeak memory    {}\nsaved in       {}\n",
       seconds_text(result.train_seconds), seconds_text(result.compile_seconds), memory,
       result.folder);
}

}  // namespace treino::cli
