// SPDX-License-Identifier: Apache-2.0
// Where recipes are found.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "treino/base/file.h"
#include "treino/base/suggest.h"
#include "treino/nn/recipe.h"

namespace treino::nn {

namespace fs = std::filesystem;

namespace {

std::string read_text(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) {
    throw Error::mistake(fmt::format(
        "{}: no such file; give a recipe's path or one of the names in recipes/", path));
  }
  if (fs::is_directory(status))
    throw Error::mistake(fmt::format("{}: a folder, not a recipe; give a .toml file", path));
  return read_whole_file(path);
}

// Where recipes may lie; not all of them are there.
std::vector<fs::path> recipe_places() {
  std::vector<fs::path> places;
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error).parent_path();
  if (!program.empty()) {
    places.push_back(program / ".." / "share" / "treino" / "recipes");  // installed: <prefix>/bin
    // Built: <source>/build or deeper. The folder counts only beside our own sources.
    for (fs::path folder = program; folder != folder.root_path(); folder = folder.parent_path()) {
      if (fs::is_regular_file(folder / "treino" / "nn" / "layers.def", error))
        places.push_back(folder / "recipes");
    }
  }
  places.emplace_back("recipes");
  for (fs::path& place : places) place = place.lexically_normal();
  return places;
}

std::string looked_in() {
  std::string text;
  for (const fs::path& place : recipe_places())
    text += (text.empty() ? "; looked in " : " and ") + place.string();
  return text + "; give the path of a .toml file";
}

}  // namespace

std::vector<std::string> recipe_folders() {
  std::vector<std::string> folders;
  for (const fs::path& place : recipe_places()) {
    std::error_code error;
    const std::string text = place.string();
    if (fs::is_directory(place, error) && std::ranges::find(folders, text) == folders.end())
      folders.push_back(text);
  }
  return folders;
}

std::vector<std::string> recipe_names() {
  std::vector<std::string> names;
  for (const std::string& folder : recipe_folders()) {
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
      if (entry.path().extension() == ".toml") names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Recipe load_recipe(const std::string& name_or_path, std::span<const Override> overrides) {
  std::error_code error;
  const bool is_path =
      name_or_path.find('/') != std::string::npos || name_or_path.ends_with(".toml");
  if (is_path) return parse_recipe(read_text(name_or_path), name_or_path, overrides);
  for (const std::string& folder : recipe_folders()) {
    const std::string path = (fs::path(folder) / (name_or_path + ".toml")).string();
    if (fs::is_regular_file(path, error)) return parse_recipe(read_text(path), path, overrides);
  }
  const std::vector<std::string> names = recipe_names();
  const std::vector<std::string_view> views(names.begin(), names.end());
  const std::string meant = suggestion(name_or_path, views);
  throw Error::mistake(
      fmt::format("unknown recipe \"{}\"{}", name_or_path, meant.empty() ? looked_in() : meant));
}

}  // namespace treino::nn
