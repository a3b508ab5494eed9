// SPDX-License-Identifier: Apache-2.0
// The processes being watched. The sampler refreshes it once before the probes read.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "treino/monitor/reading.h"

namespace treino::monitor {

class Cgroup;

struct Member {
  pid_t pid = 0;
  std::uint64_t start = 0;  // ticks since boot (/proc/pid/stat, field 22); with pid, the identity
  pid_t parent = 0;
  std::string name;                         // comm
  std::int64_t resident = -1, shared = -1;  // bytes (statm); -1: unknown
  bool zombie = false;                      // all its threads have ended
  // Whose files tell of its memory: `pid`, or a thread that lives where the main one has ended.
  pid_t task = 0;
};

class Tree {
 public:
  virtual ~Tree() = default;

  // `counters`: only what cpu_s() needs, for an event between two rows.
  enum class Depth { counters, all };
  virtual void refresh(Depth depth) = 0;

  // Those alive at the last refresh, parents before children where the tree is known by them.
  virtual std::span<const Member> members() const = 0;
  virtual std::int64_t processes() const = 0;  // zombies left out
  virtual std::int64_t threads() const = 0;

  // CPU seconds of the whole tree since the watch began, ended and reaped processes included; never
  // falls.
  virtual Reading cpu_s() const = 0;

  // The kernel's group that holds this tree and nothing else, or null.
  virtual const Cgroup* cgroup() const { return nullptr; }
  // Our helper above the tree, not in it; its counters of reaped children are the tree's. 0: none.
  virtual pid_t launcher() const { return 0; }
  virtual const std::string& root() const = 0;  // stands before /proc and /sys
  virtual std::string method() const = 0;       // where cpu_s comes from
};

}  // namespace treino::monitor
