// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>

#include "treino/base/error.h"
#include "treino/base/mapped_file.h"
#include "treino/base/suggest.h"
#include "treino/base/version.h"
#include "treino/cli/command.h"
#include "treino/cli/process_start.h"
#include "treino/cli/terminal.h"

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
  cli::tell("treino: {}\n", message);
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

// Descriptors 0 to 2 that were closed would be the next files to be opened: lines for people would
// end up in them. What cannot be read or written stands there instead.
void fill_closed_descriptors() {
  for (int number = 0; number <= STDERR_FILENO; ++number) {
    if (fcntl(number, F_GETFD) >= 0 || errno != EBADF) continue;
    static_cast<void>(open("/dev/null", number == STDIN_FILENO ? O_WRONLY : O_RDONLY));
  }
}

// A result that did not arrive is a failure.
int with_output_written(int code) {
  const bool written = std::cout.flush().good() && std::fflush(stdout) == 0 && !std::ferror(stdout);
  if (written || code != 0) return code;
  cli::tell("treino: standard output cannot be written: {}\n", std::strerror(errno));
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  fill_closed_descriptors();
  cli::process_start();
  name_cut_files();
  try {
    return with_output_written(run(argc, argv));
  } catch (const Error& e) {
    cli::tell("treino: {}\n", e.what());
    return e.fault() == Fault::mistake ? 2 : 1;
  } catch (const std::bad_alloc&) {
    cli::tell("treino: out of memory; try a smaller train.batch\n");
    return 1;
  } catch (const std::exception& e) {
    cli::tell("treino: {}\n", e.what());
    return 1;
  }
}
