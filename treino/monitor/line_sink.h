// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "treino/monitor/descriptor.h"

namespace treino::monitor {

// Where lines go: a file made anew, or "-", standard output. Each write is handed to the kernel at
// once, so that a killed monitor loses at most the line it was about to write.
class LineSink {
 public:
  explicit LineSink(const std::string& path);  // throws Error::work naming the path
  LineSink(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}  // not owned
  void write(std::string_view lines);  // throws Error::work: disk full, reader gone

 private:
  Descriptor file_;
  int fd_ = -1;
  std::string name_;
};

}  // namespace treino::monitor
