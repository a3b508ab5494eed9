// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "treino/monitor/descriptor.h"
#include "treino/monitor/line_queue.h"

namespace treino::monitor {

// Where lines go: a file made anew, or "-", standard output. A file gets each at once, so that a
// killed monitor loses at most the line it was about to write. A pipe, a socket or a terminal has a
// reader who may be slow: lines wait for it in a queue, and nothing waits for them.
class LineSink {
 public:
  explicit LineSink(const std::string& path);  // throws Error::work naming the path
  LineSink(int fd, const std::string& name);   // not owned

  void write(std::string_view lines);  // throws Error::work: disk full, reader gone
  // Waits for the reader. Throws Error::work when lines were dropped, saying how many.
  void flush(const Patience& patience);
  double own_cpu_s() const { return queue_ ? queue_->cpu_s() : 0; }

 private:
  class File;
  explicit LineSink(std::shared_ptr<File> file);
  std::shared_ptr<File> file_;
  std::unique_ptr<LineQueue> queue_;  // null: nobody to wait for
};

}  // namespace treino::monitor
