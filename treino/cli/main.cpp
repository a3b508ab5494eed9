// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <exception>
#include <new>

#include "treino/base/error.h"
#include "treino/base/mapped_file.h"
#include "treino/base/suggest.h"
#include "treino/base/version.h"
#include "treino/cli/command.h"
#include "treino/cli/process_start.h"

namespace {

using namespace treino;

// A first word that is no command, answered with the nearest one.
std::string unknown_command(int argc, char** argv) {
  std::vector<std::string_view> names;
  for (const cli::Command& command : cli::commands()) names.emplace_back(command.name);
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word.empty() || word.front() == '-') continue;
    for (std::string_view name : names) {
      if (name == word) return {};
    }
    return fmt::format("there is no command \"{}\"{}", word, suggestion(word, names));
  }
  return "no command given; see treino --help";
}

int usage_error(const std::string& message) {
  fmt::print(stderr, "treino: {}\n", message);
  return 2;
}

int run(int argc, char** argv) {
  CLI::App app("Treino trains image recognisers natively and measures trainers of any language.",
               "treino");
  app.set_version_flag("--version", fmt::format("treino {}", kVersion));
  app.require_subcommand(1);
  app.get_formatter()->column_width(32);
  app.footer(
      "Try:\n"
      "  treino train mnist              train the digits network and say its test accuracy\n"
      "  treino summary cifar10          look at a recipe's layers before training it\n"
      "  treino COMMAND --help           options and examples of a command");
  cli::Action action;
  for (const cli::Command& command : cli::commands()) {
    command.add(*app.add_subcommand(command.name, command.summary), action);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {  // --help, --version
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    const CLI::App* chosen =
        app.get_subcommands().empty() ? nullptr : app.get_subcommands().front();
    if (chosen == nullptr) {
      const std::string unknown = unknown_command(argc, argv);
      return usage_error(unknown.empty() ? e.what() : unknown);
    }
    return usage_error(fmt::format("{} {}; see treino {} --help", chosen->get_name(), e.what(),
                                   chosen->get_name()));
  }
  return action();
}

}  // namespace

int main(int argc, char** argv) {
  cli::process_start();
  name_cut_files();
  try {
    return run(argc, argv);
  } catch (const Error& e) {
    fmt::print(stderr, "treino: {}\n", e.what());
    return e.fault() == Fault::mistake ? 2 : 1;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "treino: out of memory; try a smaller train.batch\n");
    return 1;
  } catch (const std::exception& e) {
    fmt::print(stderr, "treino: {}\n", e.what());
    return 1;
  }
}
