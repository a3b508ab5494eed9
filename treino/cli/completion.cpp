// SPDX-License-Identifier: Apache-2.0
// Completion scripts, written from the commands' own options.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "treino/cli/commands.h"

namespace treino::cli {

namespace {

std::vector<std::string> long_options(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  // Groups of options are nameless commands inside it, and completion goes one level deep.
  for (const CLI::App* inner : app.get_subcommands([](const CLI::App*) { return true; })) {
    for (std::string& name : long_options(*inner)) {
      if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
    }
  }
  return names;
}

std::string joined(const std::vector<std::string>& words, const char* between = " ") {
  return fmt::format("{}", fmt::join(words, between));
}

std::vector<const CLI::App*> subcommands(const CLI::App& program) {
  return program.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<std::string> names_of(const std::vector<const CLI::App*>& commands) {
  std::vector<std::string> names;
  for (const CLI::App* command : commands) {
    if (!command->get_name().empty()) names.push_back(command->get_name());
  }
  return names;
}

bool takes_recipe(const CLI::App& command) {
  return command.get_option_no_throw("RECIPE") != nullptr;
}

std::string bash(const CLI::App& program) {
  const auto commands = subcommands(program);
  std::string cases;
  for (const CLI::App* command : commands) {
    const std::string nested = joined(names_of(subcommands(*command)));
    cases += fmt::format("    {}) words=\"{}{}{}{}\" ;;\n", command->get_name(),
                         joined(long_options(*command)), nested.empty() ? "" : " ", nested,
                         takes_recipe(*command) ? " $(treino recipes --names 2>/dev/null)" : "");
  }
  return fmt::format(
      "# Load with: source <(treino completion bash)\n"
      "_treino() {{\n"
      "  local word=${{COMP_WORDS[COMP_CWORD]}} words=\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    words=\"{} --help --version\"\n"
      "  else\n"
      "    case ${{COMP_WORDS[1]}} in\n{}    esac\n"
      "  fi\n"
      "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
      "}}\n"
      "complete -o default -F _treino treino\n",
      joined(names_of(commands)), cases);
}

std::string quoted(std::string text) {
  for (std::size_t at = 0; (at = text.find('\'', at)) != text.npos; at += 4) {
    text.replace(at, 1, "'\\''");
  }
  return text;
}

std::string zsh(const CLI::App& program) {
  const auto commands = subcommands(program);
  std::string listed, cases;
  for (const CLI::App* command : commands) {
    listed += fmt::format("    '{}:{}'\n", command->get_name(), quoted(command->get_description()));
    cases += fmt::format("    {}) compadd -- {} {}{}; _files ;;\n", command->get_name(),
                         joined(long_options(*command)), joined(names_of(subcommands(*command))),
                         takes_recipe(*command) ? " $(treino recipes --names 2>/dev/null)" : "");
  }
  return fmt::format(
      "#compdef treino\n"
      "# Load with: source <(treino completion zsh)\n"
      "_treino() {{\n"
      "  local -a commands=(\n{}  )\n"
      "  if (( CURRENT == 2 )); then _describe command commands; return; fi\n"
      "  case $words[2] in\n{}  esac\n"
      "}}\n"
      "compdef _treino treino\n",
      listed, cases);
}

std::string fish(const CLI::App& program) {
  std::string text = "# Load with: treino completion fish | source\ncomplete -c treino -f\n";
  const auto commands = subcommands(program);
  const std::string names = joined(names_of(commands));
  for (const CLI::App* command : commands) {
    text +=
        fmt::format("complete -c treino -n 'not __fish_seen_subcommand_from {}' -a {} -d '{}'\n",
                    names, command->get_name(), quoted(command->get_description()));
    const std::string seen =
        fmt::format("-n '__fish_seen_subcommand_from {}'", command->get_name());
    text += fmt::format("complete -c treino {} -F\n", seen);
    for (const std::string& name : long_options(*command)) {
      text += fmt::format("complete -c treino {} -l {}\n", seen, name.substr(2));
    }
    for (const std::string& name : names_of(subcommands(*command))) {
      text += fmt::format("complete -c treino {} -a {}\n", seen, name);
    }
    if (takes_recipe(*command)) {
      text += fmt::format("complete -c treino {} -a '(treino recipes --names)'\n", seen);
    }
  }
  return text;
}

}  // namespace

void add_completion(CLI::App& app, Action& action) {
  auto shell = std::make_shared<std::string>();
  app.add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  app.footer(
      "Examples:\n"
      "  source <(treino completion bash)\n"
      "  treino completion fish > ~/.config/fish/completions/treino.fish");
  const CLI::App* program = app.get_parent();
  app.callback([shell, program, &action] {
    action = [shell, program] {
      const std::string text = *shell == "bash"  ? bash(*program)
                               : *shell == "zsh" ? zsh(*program)
                                                 : fish(*program);
      fmt::print("{}", text);
      return 0;
    };
  });
}

}  // namespace treino::cli
