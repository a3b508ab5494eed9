// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

namespace treino {

// Whose fault an error is; it decides the exit code of the command line.
enum class Fault {
  mistake,  // the caller's: usage, recipe, file contents (exit 2)
  work,     // the machine's: input/output, memory, device (exit 1)
};

// The one exception type of the library. what() is a single line for a person:
// where it happened, what is wrong, what to do.
class Error : public std::runtime_error {
 public:
  Error(Fault fault, const std::string& message) : std::runtime_error(message), fault_(fault) {}
  static Error mistake(const std::string& message) { return {Fault::mistake, message}; }
  static Error work(const std::string& message) { return {Fault::work, message}; }

  Fault fault() const { return fault_; }

 private:
  Fault fault_;
};

// A place in the user's source or recipe. `here()` as a default member value records the line that
// writes the aggregate (clang 14 cannot parse std::source_location, hence the builtins).
struct Where {
  const char* file = "";
  int line = 0;

  static constexpr Where here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
};

}  // namespace treino
