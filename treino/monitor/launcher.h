// SPDX-License-Identifier: Apache-2.0
// Runs a command through a small helper process: a fork of ours that does nothing but wait. It is
// the subreaper of everything the command starts, so that daemons stay in the tree, and their times
// end in its counters; and a fresh process stands between our memory and the command's own peak.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "treino/monitor/descriptor.h"
#include "treino/monitor/sampler.h"

namespace treino::monitor {

// What the helper tells, in this order.
struct LauncherNews {
  enum What { started, exited, all_gone, lost };
  What what = lost;
  int value = 0;     // started: pid. exited: wait status
  double t = 0;      // CLOCK_MONOTONIC
  double cpu_s = 0;  // exited, all_gone: of every process reaped so far (the kernel's rusage)
};

class Launcher {
 public:
  // Forks the helper, which forks the command's process: in its groups, but not yet running the
  // command. Throws Error::work when that cannot be done.
  Launcher(const Launch& launch, const std::vector<std::string>& cgroup_folders);
  ~Launcher();  // the helper removes the groups when the last process of the tree has ended
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  pid_t helper() const { return helper_; }
  pid_t command() const { return command_; }
  int descriptor() const { return socket_.get(); }  // readable when there is news

  // Lets the command run, and returns when it does: until then its process is still a copy of us,
  // with our memory. Returns the errno of an exec that failed, or 0.
  int go();
  std::optional<LauncherNews> next();  // without waiting

 private:
  pid_t helper_ = -1, command_ = -1;
  Descriptor socket_, go_, failure_;
};

}  // namespace treino::monitor
