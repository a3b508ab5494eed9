// SPDX-License-Identifier: Apache-2.0
// One function a command, each in a file of its name (train.cpp, summary.cpp ...).
#pragma once

#include "treino/cli/command.h"

namespace treino::cli {

void add_summary(CLI::App& app, Action& action);

}  // namespace treino::cli
