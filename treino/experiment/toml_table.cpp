// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/toml_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "treino/base/error.h"
#include "treino/base/file.h"
#include "treino/base/suggest.h"

namespace treino::experiment {

toml::table parse_toml(const std::string& path) {
  const std::string text = read_whole_file(path);
  try {
    return toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    throw Error::mistake(
        fmt::format("{}:{}: {}", path, error.source().begin.line, error.description()));
  }
}

namespace {

// "12.5ms" cut into number and unit; nothing when it is not that.
std::optional<std::pair<double, std::string_view>> number_and_unit(std::string_view text) {
  double value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  while (text.starts_with(' ')) text.remove_prefix(1);
  return std::pair(value, text);
}

}  // namespace

TomlTable::TomlTable(const toml::table& table, std::string path, std::string name)
    : table_(table), path_(std::move(path)), name_(std::move(name)) {}

const toml::node* TomlTable::find(std::string_view key) {
  known_.emplace_back(key);
  return table_.get(key);
}

std::string TomlTable::full(std::string_view key) const {
  return name_.empty() ? std::string(key) : fmt::format("{}.{}", name_, key);
}

void TomlTable::refuse(std::string_view key, const std::string& text) const {
  const toml::node* node = table_.get(key);
  const auto line = (node == nullptr ? table_.source() : node->source()).begin.line;
  throw Error::mistake(fmt::format("{}:{}: {} {}", path_, line, full(key), text));
}

std::optional<std::string> TomlTable::text(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_string()) refuse(key, "must be a text in quotes");
  return node->value<std::string>();
}

std::optional<double> TomlTable::number(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_number()) refuse(key, "must be a number");
  return node->value<double>();
}

std::optional<long long> TomlTable::whole(std::string_view key, long long least, long long most) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  const auto value = node->value_exact<int64_t>();
  if (!value || *value < least || *value > most)
    refuse(key, fmt::format("must be a whole number, at least {} and at most {}", least, most));
  return *value;
}

std::optional<bool> TomlTable::flag(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_boolean()) refuse(key, "must be true or false");
  return node->value<bool>();
}

std::optional<double> TomlTable::seconds(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  std::optional<double> value = node->value<double>();
  if (node->is_string()) {
    static const std::map<std::string_view, double> units = {
        {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}};
    value.reset();
    const std::string text = *node->value<std::string>();
    if (const auto found = number_and_unit(text); found && units.contains(found->second)) {
      value = found->first * units.at(found->second);
    }
  }
  if (!value || !(*value >= 0) || !std::isfinite(*value))
    refuse(key, "must be a time such as \"100ms\", \"2s\" or \"10m\"");
  return value;
}

std::optional<double> TomlTable::share(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  std::optional<double> value = node->value<double>();
  if (node->is_string()) {
    value.reset();
    const std::string text = *node->value<std::string>();
    const auto found = number_and_unit(text);
    if (found && found->second == "%") value = found->first / 100;
  }
  if (!value || !(*value >= 0)) refuse(key, "must be a share such as 0.02 or \"2 %\"");
  return value;
}

std::vector<std::string> TomlTable::texts(std::string_view key) {
  const toml::node* node = find(key);
  std::vector<std::string> found;
  if (node == nullptr) return found;
  const toml::array* array = node->as_array();
  if (array == nullptr) refuse(key, "must be a list of texts");
  for (const toml::node& item : *array) {
    if (!item.is_string()) refuse(key, "must be a list of texts");
    found.push_back(*item.value<std::string>());
  }
  return found;
}

std::vector<std::vector<std::string>> TomlTable::commands(std::string_view key) {
  const toml::node* node = find(key);
  std::vector<std::vector<std::string>> found;
  if (node == nullptr) return found;
  const toml::array* array = node->as_array();
  const std::string wanted = "must be a list of commands, each a list of texts";
  if (array == nullptr) refuse(key, wanted);
  for (const toml::node& item : *array) {
    const toml::array* words = item.as_array();
    if (words == nullptr || words->empty()) refuse(key, wanted);
    std::vector<std::string>& command = found.emplace_back();
    for (const toml::node& word : *words) {
      if (!word.is_string()) refuse(key, wanted);
      command.push_back(*word.value<std::string>());
    }
  }
  return found;
}

std::map<std::string, std::string> TomlTable::strings(std::string_view key) {
  std::map<std::string, std::string> found;
  const toml::table* inner = table(key);
  if (inner == nullptr) return found;
  for (const auto& [name, node] : *inner) {
    if (!node.is_string()) refuse(key, fmt::format("has {}, which must be a text", name.str()));
    found[std::string(name.str())] = *node.value<std::string>();
  }
  return found;
}

const toml::table* TomlTable::table(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return nullptr;
  if (!node->is_table()) refuse(key, "must be a table");
  return node->as_table();
}

std::vector<const toml::table*> TomlTable::tables(std::string_view key) {
  const toml::node* node = find(key);
  std::vector<const toml::table*> found;
  if (node == nullptr) return found;
  const toml::array* array = node->as_array();
  const std::string wanted = fmt::format("must be written as [[{}]] tables", key);
  if (array == nullptr) refuse(key, wanted);
  for (const toml::node& item : *array) {
    if (!item.is_table()) refuse(key, wanted);
    found.push_back(item.as_table());
  }
  return found;
}

void TomlTable::finish() const {
  for (const auto& [name, node] : table_) {
    if (std::ranges::find(known_, name.str()) != known_.end()) continue;
    const std::vector<std::string_view> candidates(known_.begin(), known_.end());
    refuse(name.str(), fmt::format("is not known here{}", suggestion(name.str(), candidates)));
  }
}

}  // namespace treino::experiment
