// SPDX-License-Identifier: Apache-2.0
// The bytes that a tree read from and wrote to storage, ended processes included.
//
// The file of a process (/proc/PID/io) holds what its children did, once it has waited for them. A
// child that nobody waits for (SIGCHLD is ignored) vanishes with its bytes. So what each child was
// last seen with is kept when it vanishes, less what its parent has grown by since: that may be the
// child's, and nothing may be counted twice. Both are lower bounds of the truth.
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <map>
#include <set>

#include "treino/monitor/proc.h"

namespace treino::monitor {

class Tree;

struct IoBytes {
  std::int64_t read = 0, written = 0;
  IoBytes& operator+=(const IoBytes& other);
  IoBytes& operator-=(const IoBytes& other);
};

class IoLedger {
 public:
  // Reads all members. `denied`: some of them may not be read.
  struct Total {
    IoBytes bytes;
    bool denied = false;
  };
  Total take(const Tree& tree);

 private:
  struct Identity {
    pid_t pid = 0;
    std::uint64_t start = 0;
    auto operator<=>(const Identity&) const = default;
  };
  struct Account {
    pid_t parent = 0;
    IoBytes bytes;
  };
  using Accounts = std::map<Identity, Account>;
  struct Sweep {
    Accounts accounts;
    bool denied = false, quiet = true;
  };

  Sweep sweep(const Tree& tree, std::set<Identity>& gone);
  void settle(const Accounts& now);

  Accounts known_;  // at the last look
  IoBytes ended_;   // of those that vanished and were not waited for
  ProcReader reader_;
};

}  // namespace treino::monitor
