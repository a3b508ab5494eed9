// SPDX-License-Identifier: Apache-2.0
// The processes being watched. The sampler refreshes it once before the probes read.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "treino/monitor/reading.h"

namespace treino::monitor {

class Cgroup;

struct Member {
  pid_t pid = 0;
  std::uint64_t start =
      0;  // clock ticks since boot (/proc/pid/stat, field 22): with pid, the identity
  pid_t parent = 0;
  std::string name;           // comm
  int stat = -1, statm = -1;  // kept open where descriptors suffice, else -1
  std::int64_t threads = 0;
  bool zombie = false;
};

class Tree {
 public:
  virtual ~Tree() = default;

  virtual void refresh() = 0;
  // Alive at the last refresh (zombies included), parents before children.
  virtual std::span<const Member> members() const = 0;
  // CPU seconds of the whole tree since the watch began, ended and reaped processes included; never
  // falls.
  virtual Reading cpu_s() const = 0;
  // The cgroup that holds this tree and nothing else, or null.
  virtual const Cgroup* cgroup() const { return nullptr; }
  virtual std::string root() const { return {}; }
  virtual std::string method() const = 0;
};

}  // namespace treino::monitor
