// SPDX-License-Identifier: Apache-2.0
// Readers of files that strangers may have written, each fed with any bytes. Throwing treino::Error
// is the right answer to nonsense; its text must be one line that a terminal can show. Anything
// else (a crash, another exception, a sanitizer's report) is a finding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace treino::fuzz {

struct Target {
  const char* name;  // of the program and of the corpus' folder
  void (*run)(const std::uint8_t* data, std::size_t size);
};

std::span<const Target> targets();

// Feeds one input to a target; aborts when what it throws is no proper Error.
void feed(const Target& target, const std::uint8_t* data, std::size_t size);

}  // namespace treino::fuzz
