// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/recorder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "treino/base/error.h"

namespace treino::experiment {

// Every line reaches the kernel at once, so that a killed bench leaves what it has seen.
class Recorder::File {
 public:
  explicit File(std::string path) : path_(std::move(path)) {
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor_ < 0) throw error(errno);
  }
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void write(std::string line) {
    line += '\n';
    for (std::string_view rest = line; !rest.empty();) {
      const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) {
        if (failed_ == 0) failed_ = errno;
        return;
      }
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  void close() {
    if (failed_ == 0 && ::fsync(descriptor_) != 0 && errno != EINVAL) failed_ = errno;
    if (::close(std::exchange(descriptor_, -1)) != 0 && failed_ == 0) failed_ = errno;
    if (failed_ != 0) throw error(failed_);
  }

 private:
  Error error(int code) const {
    return Error::work(
        fmt::format("{}: cannot be written: {}{}", path_, std::strerror(code),
                    code == ENOSPC ? "; free some space and go on with --resume" : ""));
  }

  std::string path_;
  int descriptor_ = -1;
  int failed_ = 0;
};

Recorder::Recorder(const std::string& folder)
    : samples_file_(std::make_unique<File>(folder + "/samples.csv")),
      events_file_(std::make_unique<File>(folder + "/events.jsonl")) {}

Recorder::~Recorder() = default;

void Recorder::begin(const monitor::Header& header) {
  columns_ = header.columns;
  start_ = header.start;
  std::string line = "t_s,dt_s,missed";
  for (const monitor::Column& column : columns_) line += fmt::format(",{}", column.name);
  samples_file_->write(line);
}

void Recorder::row(const monitor::Row& row) {
  std::string line = fmt::format("{:.6f},{:.6f},{}", row.t, row.dt, row.missed);
  samples_.t.push_back(row.t);
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::string cell = monitor::cell_text(columns_[i], row.cells[i]);
    std::ranges::replace(cell, ',', ';');  // a status is free text
    line += ',' + cell;
    if (columns_[i].kind != monitor::Kind::status) {
      samples_.columns[columns_[i].name].push_back(row.cells[i].value);  // NaN: unknown
    }
  }
  samples_file_->write(line);
}

void Recorder::mark(const monitor::Mark& mark) {
  Heard heard{Event::parse(mark.event.line(), "event"), mark.t, {}};
  for (std::size_t i = 0; i < columns_.size() && i < mark.cells.size(); ++i) {
    if (columns_[i].kind == monitor::Kind::counter && mark.cells[i].known()) {
      heard.counters[columns_[i].name] = mark.cells[i].value;
    }
  }
  events_file_->write(line_of(heard));
  heard_.push_back(std::move(heard));
}

void Recorder::close() {
  samples_file_->close();
  events_file_->close();
}

}  // namespace treino::experiment
