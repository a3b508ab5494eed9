// SPDX-License-Identifier: Apache-2.0
#include "treino/cli/commands.h"

#include "treino/cli/command.h"

namespace treino::cli {

namespace {

constexpr Command kCommands[] = {
    {"train", "train a recipe and say its test accuracy", add_train},
    {"eval", "loss, accuracy and confusion matrix of a trained run", add_eval},
    {"predict", "class and probabilities of pictures or rows", add_predict},
    {"data", "the data sets: list, show, verify, get, path, rm", add_data},
    {"summary", "the table of a recipe's layers, shapes, parameters, FLOP and bytes", add_summary},
    {"profile", "where a training step spends its time, against what this machine reaches",
     add_profile},
    {"tune", "time the kernels each convolution could use, and keep the answers for train --tune",
     add_tune},
    {"recipes", "the recipes there are", add_recipes},
    {"monitor", "what a command or a running process and its descendants really use", add_monitor},
    {"import-unixstats", "read a file of the seed's monitor and say what its columns really are",
     add_import_unixstats},
    {"bench", "run an experiment of several contestants", add_bench},
    {"report", "draw an experiment again from its raw files", add_report},
    {"doctor", "what this machine has, what is missing, and the remedy", add_doctor},
    {"completion", "completion for bash, zsh or fish", add_completion},
};

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

}  // namespace treino::cli
