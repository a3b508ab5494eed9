// SPDX-License-Identifier: Apache-2.0
// Known loads, to check the monitor with: what they use is known from how they are made.
#pragma once

#include <string>
#include <vector>

namespace treino::monitor {

// Runs one in this process and returns its exit code:
//   duty SHARE SECONDS     one thread, busy that share of each 100 ms by its own CPU clock
//   children N MS          N children one after the other, each MS of CPU time
//   forks RATE SECONDS MS  so many children a second, each MS of CPU time
//   memory MIB SECONDS     holds touched anonymous memory
//   shared MIB N SECONDS   holds it and shares it with N forked children
//   sleepers N MIB SECONDS N children with MIB each of their own
//   daemon SECONDS         leaves a process behind that has left session and parent
//   threads N SECONDS      N busy threads
// Throws Error::mistake for anything else.
int run_load(const std::vector<std::string>& words);

}  // namespace treino::monitor
