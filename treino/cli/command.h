// SPDX-License-Identifier: Apache-2.0
// What one command of the program is. Each has a file of its own; commands.cpp lists them.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <span>

namespace treino::cli {

// What the chosen command does once the arguments are read; returns the exit code.
using Action = std::function<int()>;

struct Command {
  const char* name;
  const char* summary;  // one line of `treino --help`
  // Adds options, help and examples to the command's own `app` and sets `action` in its callback or
  // at once. Values that options write to must outlive parsing: hold them in a shared_ptr.
  void (*add)(CLI::App& app, Action& action);
};

// In the order of `treino --help`.
std::span<const Command> commands();

}  // namespace treino::cli
