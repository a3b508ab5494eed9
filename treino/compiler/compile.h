// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "treino/runtime/program.h"
#include "treino/runtime/target.h"

namespace treino::compiler {

struct CompileOptions {
  std::string name = "program";
  bool optimize =
      true;  // false: differentiate and lower only (the "without the compiler" measurement)
  // Called after each pass with its name and the graph's or program's text (--dump-passes).
  std::vector<std::pair<std::string, std::string>>* dump = nullptr;
};

// Turns a graph whose roots are its assign nodes into a program for `target`.
// Throws Error::mistake when a gradient does not exist.
Program compile(const Graph& graph, const Target& target, const CompileOptions& options = {});

}  // namespace treino::compiler
