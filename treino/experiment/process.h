// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace treino::experiment {

struct CommandOptions {
  std::string folder;                                            // to run in; empty: ours
  std::vector<std::pair<std::string, std::string>> environment;  // added to ours
  std::string log;  // file that gets its output, appended; empty: the null device
};

// Runs a command to its end and returns its exit code, 128 + signal, or 127 when it cannot be run.
int run_command(const std::vector<std::string>& command, const CommandOptions& options);

// The first line it writes to stdout; nothing when it fails or cannot be run.
std::optional<std::string> first_line_of(const std::vector<std::string>& command);

// Where PATH finds a program; empty when it does not.
std::string find_program(const std::string& name);

}  // namespace treino::experiment
