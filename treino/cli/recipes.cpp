// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>

#include "treino/base/error.h"
#include "treino/cli/commands.h"
#include "treino/nn/describe.h"
#include "treino/nn/recipe.h"

namespace treino::cli {

namespace {

struct Options {
  bool names = false, reference = false;
};

// The comment a recipe begins with, up to its first full stop.
std::string first_sentence(const std::string& path) {
  std::ifstream file(path);
  std::string text;
  for (std::string line; std::getline(file, line) && line.rfind("#", 0) == 0;) {
    text += (text.empty() ? "" : " ") + line.substr(std::min<std::size_t>(line.size(), 2));
  }
  const std::size_t stop = text.find(". ");
  return stop == text.npos ? text : text.substr(0, stop + 1);
}

std::string path_of(const std::string& name) {
  for (const std::string& folder : nn::recipe_folders()) {
    const std::filesystem::path path = std::filesystem::path(folder) / (name + ".toml");
    if (std::filesystem::exists(path)) return path.string();
  }
  return {};
}

int list_recipes(const Options& options) {
  if (options.reference) {
    fmt::print("{}", nn::recipe_reference());
    return 0;
  }
  const std::vector<std::string> names = nn::recipe_names();
  if (names.empty()) throw Error::mistake("no recipes/ folder is near the program or here");
  std::size_t width = 0;
  for (const std::string& name : names) width = std::max(width, name.size());
  for (const std::string& name : names) {
    if (options.names) {
      fmt::print("{}\n", name);
    } else {
      fmt::print("{:<{}}  {}\n", name, width, first_sentence(path_of(name)));
    }
  }
  return 0;
}

}  // namespace

void add_recipes(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  app.add_flag("--names", options->names, "the names alone");
  app.add_flag("--reference", options->reference, "every field a recipe knows, as Markdown");
  app.footer("Examples:\n  treino recipes\n  treino recipes --reference | less");
  app.callback([options, &action] { action = [options] { return list_recipes(*options); }; });
}

}  // namespace treino::cli
