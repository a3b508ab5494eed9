// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "treino/base/event.h"
#include "treino/monitor/log_profile.h"
#include "treino/monitor/quiet_thread.h"

namespace treino::monitor {

// The command's output on its way through us: passed on byte for byte, and read for events. Each
// stream has a thread, so that a reader who is slow holds up the command, as it would without us,
// and not the watch; nor does a command that writes without pause.
class LogTap {
 public:
  // Output goes on to these descriptors.
  LogTap(LogProfile profile, int out_fd, int err_fd);
  ~LogTap();  // waits for nobody
  LogTap(const LogTap&) = delete;
  LogTap& operator=(const LogTap&) = delete;

  int out_for_command() const;
  int err_for_command() const;
  void launched();  // the command has its ends: ours are closed, and the threads begin

  void add_files(std::vector<pollfd>& files) const;  // readable when take() has something to do
  std::vector<Event> take();
  // Whether all that the command had written when drain() was called has been passed on and read.
  void drain();
  bool drained() const;
  std::vector<Event> finish();  // what is left after that
  // A line for each stream that could not be passed on to its end.
  std::vector<std::string> warnings() const;
  double cpu_s() const;  // of its threads

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
  std::array<LooseThread, 2> threads_;
};

}  // namespace treino::monitor
