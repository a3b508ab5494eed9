// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "treino/monitor/proc.h"
#include "treino/monitor/tree.h"

namespace treino::monitor {

// Where a member's memory is read at every tick. Kept open where that means something: a file of
// /proc answers no more when its process has ended, one of a test's folder would.
class StatmFile {
 public:
  StatmFile() = default;
  StatmFile(const std::string& root, pid_t pid) { open(root, pid); }

  // The member's `resident`, `shared` and `task`.
  void read(ProcReader& reader, const std::string& root, Member& member);

 private:
  void open(const std::string& root, pid_t task);

  Descriptor file_;
};

}  // namespace treino::monitor
