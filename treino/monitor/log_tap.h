// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>

#include <array>
#include <vector>

#include "treino/base/event.h"
#include "treino/monitor/descriptor.h"
#include "treino/monitor/log_profile.h"

namespace treino::monitor {

// The command's output on its way through us: passed on byte for byte, and read for events.
class LogTap {
 public:
  // Output goes on to these descriptors.
  LogTap(LogProfile profile, int out_fd, int err_fd);

  int out_for_command() const { return streams_[0].writer.get(); }
  int err_for_command() const { return streams_[1].writer.get(); }
  void launched();  // the command has its ends: ours are closed

  void add_files(std::vector<pollfd>& files) const;
  std::vector<Event> take(double now);
  std::vector<Event> finish(double now);  // what is left when the command has ended

 private:
  struct Stream {
    Descriptor reader, writer;
    int to = -1;
    LineCutter cutter;
    bool ended = false;
  };

  LogProfile profile_;
  std::array<Stream, 2> streams_;
};

}  // namespace treino::monitor
