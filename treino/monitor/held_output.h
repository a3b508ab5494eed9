// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "treino/monitor/descriptor.h"

namespace treino::monitor {

// The output of a command while a full-screen view has the terminal: kept in a file without a name,
// handed on to the terminal when the view is left. What goes to a file or pipe anyway is left
// alone.
class HeldOutput {
 public:
  HeldOutput();  // throws Error::work when no temporary file can be made

  // For the command; -1: its own, not held.
  int stdout_fd() const { return out_held_ ? file_.get() : -1; }
  int stderr_fd() const { return err_held_ ? file_.get() : -1; }

  std::vector<std::string> last_lines(std::size_t most) const;
  // Writes what came since the last call to the terminal.
  void release();

 private:
  Descriptor file_;
  bool out_held_ = false, err_held_ = false;
  std::mutex mutex_;
  std::int64_t released_ = 0;
};

}  // namespace treino::monitor
