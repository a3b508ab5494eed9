// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/override.h"

#include <fmt/format.h>

#include <map>

#include "treino/base/suggest.h"

namespace treino::nn {

namespace {

using Path = std::vector<std::string>;

Path split(const std::string& key) {
  Path path{""};
  for (char c : key) {
    if (c == '.')
      path.emplace_back();
    else
      path.back() += c;
  }
  for (const std::string& part : path) {
    if (part.empty()) {
      throw Error::mistake(
          fmt::format("--set {}: not a dotted path; use e.g. train.batch=64", key));
    }
  }
  return path;
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

// `"a"."b" = value` as a table whose nodes name the option as their place.
toml::table parse_value(const Path& path, std::size_t first, const Override& change) {
  std::string left;
  for (std::size_t i = first; i < path.size(); ++i)
    left += (left.empty() ? "" : ".") + quoted(path[i]);
  const std::string source = fmt::format("--set {}={}", change.first, change.second);
  try {
    return toml::parse(left + " = " + change.second, source);
  } catch (const toml::parse_error&) {
    // A bare word is a string.
  }
  try {
    return toml::parse(left + " = " + quoted(change.second), source);
  } catch (const toml::parse_error& error) {
    throw Error::mistake(
        fmt::format("--set {}: the value cannot be read: {}", change.first, error.description()));
  }
}

// Puts path[first...] = value under `table`, over what is there.
void put(toml::table& table, const Path& path, std::size_t first, const Override& change) {
  toml::table made = parse_value(path, first, change);
  made.get(path[first])->visit([&](auto&& node) {
    table.insert_or_assign(path[first], std::move(node));  // moving keeps the node's place
  });
}

// Names of a union that a recipe may leave out, by the field's path; empty for other fields.
std::span<const std::string_view> union_names(const Path& path, std::size_t depth) {
  if (depth != 2 || path[0] != "train") return {};
  static Optimizer optimizer;
  static Schedule schedule;
  if (path[1] == "optimizer") return union_of(optimizer).names();
  if (path[1] == "schedule") return union_of(schedule).names();
  return {};
}

bool contains(std::span<const std::string_view> words, std::string_view word) {
  for (std::string_view w : words) {
    if (w == word) return true;
  }
  return false;
}

toml::table* layer_of(toml::array& layers, const std::string& name, const Override& change) {
  std::map<std::string, int> counts;
  std::vector<std::string> names;
  for (toml::node& element : layers) {
    toml::table* table = element.as_table();
    if (table == nullptr || table->size() != 1) continue;
    const std::string type(table->begin()->first.str());
    names.push_back(fmt::format("{}_{}", type, ++counts[type]));
    if (names.back() == name) return table->begin()->second.as_table();
  }
  const std::vector<std::string_view> views(names.begin(), names.end());
  throw Error::mistake(fmt::format("--set {}={}: no layer \"{}\"{}", change.first, change.second,
                                   name, suggestion(name, views)));
}

}  // namespace

void apply_override(toml::table& recipe, const Override& change) {
  Path path = split(change.first);
  toml::table* table = &recipe;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    const auto names = union_names(path, i + 1);
    toml::node* node = table->get(path[i]);
    if (!names.empty()) {
      std::string in_force(names[0]);  // the default
      if (node != nullptr && node->is_string()) in_force = *node->value<std::string>();
      if (node != nullptr && node->is_table() && node->as_table()->size() == 1) {
        in_force = std::string(node->as_table()->begin()->first.str());
      }
      if (!contains(names, path[i + 1]))
        path.insert(path.begin() + static_cast<std::ptrdiff_t>(i) + 1, in_force);
      if (node != nullptr && (node->is_string() || in_force != path[i + 1])) {
        table->erase(path[i]);
        node = nullptr;
      }
    }
    if (node == nullptr) return put(*table, path, i, change);
    if (toml::array* layers = node->as_array()) {
      if (i + 2 >= path.size()) break;
      table = layer_of(*layers, path[++i], change);
    } else {
      table = node->as_table();
    }
    if (table == nullptr) break;
    if (i + 2 == path.size()) {
      // optimizer = "adam" over { adam = { rate = ... } } keeps the fields.
      const auto leaf_names = union_names(path, i + 2);
      const toml::node* old = table->get(path[i + 1]);
      const bool same = !leaf_names.empty() && old != nullptr && old->is_table() &&
                        old->as_table()->contains(change.second);
      return same ? void() : put(*table, path, i + 1, change);
    }
  }
  if (path.size() == 1) return put(recipe, path, 0, change);
  throw Error::mistake(
      fmt::format("--set {}={}: nothing of that name to set; a layer's field is "
                  "model.<layer's name>.<field>",
                  change.first, change.second));
}

}  // namespace treino::nn
