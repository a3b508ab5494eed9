// SPDX-License-Identifier: Apache-2.0
#include "treino/cli/commands.h"

#include "treino/cli/command.h"

namespace treino::cli {

namespace {

constexpr Command kCommands[] = {
    {"summary", "the table of a recipe's layers, shapes, parameters, FLOP and bytes", add_summary},
};

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

}  // namespace treino::cli
