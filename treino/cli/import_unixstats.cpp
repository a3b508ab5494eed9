// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <string>

#include "treino/cli/commands.h"
#include "treino/monitor/unixstats.h"

namespace treino::cli {

namespace {

struct Options {
  std::string file;
  bool csv = false, json = false;
};

int import(const Options& options) {
  const monitor::UnixStatsFile file = monitor::read_unixstats(options.file);
  if (options.csv) {
    fmt::print("{}", monitor::to_csv(file));
  } else if (options.json) {
    fmt::print("{}\n", monitor::to_json(file));
  } else {
    fmt::print("{}", monitor::describe(file, options.file));
  }
  return 0;
}

}  // namespace

void add_import_unixstats(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  app.add_option("FILE", options->file, "a file of UnixStats (semicolons, decimal commas)")
      ->required();
  app.add_flag("--csv", options->csv, "the rows with honest column names, commas and points");
  app.add_flag("--json", options->json,
               "smallest, largest, mean, variation and meaning of each column")
      ->excludes("--csv");
  app.footer(
      "Examples:\n"
      "  treino import-unixstats measurements/python3_20220423_214840.txt\n"
      "  treino import-unixstats old.txt --csv > old.csv");
  app.callback([options, &action] { action = [options] { return import(*options); }; });
}

}  // namespace treino::cli
