// SPDX-License-Identifier: Apache-2.0
// One function a command, each in a file of its name (train.cpp, summary.cpp ...).
#pragma once

#include "treino/cli/command.h"

namespace treino::cli {

void add_train(CLI::App& app, Action& action);
void add_eval(CLI::App& app, Action& action);
void add_predict(CLI::App& app, Action& action);
void add_data(CLI::App& app, Action& action);
void add_summary(CLI::App& app, Action& action);
void add_profile(CLI::App& app, Action& action);
void add_tune(CLI::App& app, Action& action);
void add_recipes(CLI::App& app, Action& action);
void add_doctor(CLI::App& app, Action& action);
void add_monitor(CLI::App& app, Action& action);
void add_import_unixstats(CLI::App& app, Action& action);
void add_bench(CLI::App& app, Action& action);
void add_report(CLI::App& app, Action& action);
void add_completion(CLI::App& app, Action& action);

}  // namespace treino::cli
