// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "treino/base/error.h"

namespace treino::test {

// The one line of the Error that `action` throws; a test failure when it throws none, or when the
// error is not of the expected kind.
template <typename Action>
std::string error_of(Action&& action, Fault fault = Fault::mistake) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), fault) << error.what();
    const std::string line = error.what();
    EXPECT_EQ(line.find('\n'), line.npos) << line;
    return line;
  }
  ADD_FAILURE() << "no error was thrown";
  return {};
}

}  // namespace treino::test
