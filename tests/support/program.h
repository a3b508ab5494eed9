// SPDX-License-Identifier: Apache-2.0
// Runs the built program as a user would.
#pragma once

#include <csignal>
#include <string>
#include <vector>

namespace treino::test {

struct Outcome {
  int exit = -1;  // 128 + n for signal n
  std::string out, err;
};

struct Invocation {
  std::vector<std::string> arguments;
  std::string folder = ".";              // working folder
  std::vector<std::string> environment;  // NAME=value, beside the test's own
  std::string interrupt_after;  // once this text stands in standard error, `signal` is sent
  int signal = SIGINT;
};

// TREINO_BINARY with these arguments; standard error is no terminal.
Outcome run_treino(const Invocation& invocation);
Outcome run_treino(std::vector<std::string> arguments, const std::string& folder = ".");

// A shell command line.
Outcome run_shell(const std::string& command);

}  // namespace treino::test
