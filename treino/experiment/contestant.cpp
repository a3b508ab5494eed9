// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/contestant.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "treino/base/error.h"
#include "treino/base/suggest.h"
#include "treino/experiment/toml_table.h"

namespace treino::experiment {

namespace fs = std::filesystem;

namespace {

Setup read_setup(const toml::table& table, const std::string& path) {
  TomlTable reader(table, path, "setup");
  Setup setup;
  setup.python = reader.texts("python");
  setup.check = reader.text("check").value_or("");
  setup.programs = reader.texts("programs");
  setup.commands = reader.commands("commands");
  setup.made = reader.text("made").value_or("");
  reader.finish();
  return setup;
}

}  // namespace

ContestantFile read_contestant(const std::string& folder) {
  ContestantFile file;
  file.folder = fs::absolute(folder).lexically_normal().string();
  if (file.folder.ends_with('/')) file.folder.pop_back();
  file.name = fs::path(file.folder).filename().string();
  file.path = (fs::path(folder) / "contestant.toml").lexically_normal().string();
  const toml::table table = parse_toml(file.path);
  TomlTable reader(table, file.path, "");
  file.summary = reader.text("summary").value_or(file.name);
  file.note = reader.text("note").value_or("");
  file.works = reader.texts("works");
  file.command = reader.texts("command");
  if (file.command.empty())
    reader.refuse("command", "is missing: what runs it, as a list of texts");
  file.environment = reader.strings("environment");
  file.run_folder = reader.text("folder").value_or("");
  file.program = reader.texts("program");
  file.log_profile = reader.text("log_profile").value_or("");
  if (const toml::table* variants = reader.table("variants")) {
    TomlTable inner(*variants, file.path, "variants");
    for (const auto& [name, node] : *variants) {
      file.variants[std::string(name.str())] = inner.strings(name.str());
    }
  }
  if (const toml::table* setup = reader.table("setup")) file.setup = read_setup(*setup, file.path);
  reader.finish();
  return file;
}

std::vector<std::string> shipped_folders(const std::string& kind) {
  std::vector<std::string> folders;
  std::error_code error;
  const auto add = [&](const fs::path& folder) {
    const std::string text = fs::absolute(folder).lexically_normal().string();
    if (fs::is_directory(folder, error) && std::ranges::find(folders, text) == folders.end()) {
      folders.push_back(text);
    }
  };
  const fs::path program = fs::read_symlink("/proc/self/exe", error).parent_path();
  if (!program.empty()) {
    add(program / ".." / "share" / "treino" / kind);  // installed: <prefix>/bin
    // Built: <source>/build or deeper. The folder counts only beside our own sources.
    for (fs::path folder = program; folder != folder.root_path(); folder = folder.parent_path()) {
      if (fs::is_regular_file(folder / "treino" / "experiment" / "contestant.h", error)) {
        add(folder / kind);
      }
    }
  }
  add(kind);
  return folders;
}

std::string find_contestant(const std::string& use, const std::string& base,
                            const std::string& where) {
  std::error_code error;
  std::vector<fs::path> candidates = {fs::path(base) / use, fs::path(use)};
  std::vector<std::string> known;
  for (const std::string& folder : shipped_folders("contestants")) {
    candidates.push_back(fs::path(folder) / use);
    candidates.push_back(fs::path(folder) / ".." / use);  // "contestants/keras" from anywhere
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
      if (fs::is_regular_file(entry.path() / "contestant.toml", error)) {
        known.push_back(entry.path().filename().string());
      }
    }
  }
  for (const fs::path& candidate : candidates) {
    if (fs::is_regular_file(candidate / "contestant.toml", error)) {
      return candidate.lexically_normal().string();
    }
  }
  std::ranges::sort(known);
  const std::vector<std::string_view> names(known.begin(), known.end());
  throw Error::mistake(fmt::format("{} \"{}\" has no contestant.toml{}", where, use,
                                   suggestion(fs::path(use).filename().string(), names)));
}

std::string fill_in(const std::string& text, const Placeholders& values, const std::string& where) {
  std::string filled;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = text.find('{', at);
    const std::size_t close = open == text.npos ? text.npos : text.find('}', open);
    if (close == text.npos) return filled + text.substr(at);
    filled += text.substr(at, open - at);
    const std::string name = text.substr(open + 1, close - open - 1);
    const auto found = values.find(name);
    if (found == values.end()) {
      std::vector<std::string_view> names;
      for (const auto& [known, value] : values) names.emplace_back(known);
      throw Error::mistake(fmt::format("{}: \"{}\" has the unknown placeholder {{{}}}{}", where,
                                       text, name, suggestion(name, names)));
    }
    filled += found->second;
    at = close + 1;
  }
  return filled;
}

}  // namespace treino::experiment
