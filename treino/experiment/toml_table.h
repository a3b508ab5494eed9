// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <toml++/toml.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace treino::experiment {

// Parses a file. Throws Error::mistake naming file and line.
toml::table parse_toml(const std::string& path);

// Reads a table key by key; every mistake names file, line and key. What was never asked for is a
// mistake too: finish() says so, with the nearest known key.
class TomlTable {
 public:
  // `name`: what the table is, for messages ("contestant", "setup"); empty for the file itself.
  TomlTable(const toml::table& table, std::string path, std::string name);

  std::optional<std::string> text(std::string_view key);
  std::optional<double> number(std::string_view key);
  std::optional<long long> whole(std::string_view key, long long least, long long most);
  std::optional<bool> flag(std::string_view key);
  std::optional<double> seconds(std::string_view key);  // 0.1, "100ms", "2s", "10m", "1h"
  std::optional<double> share(std::string_view key);    // 0.02 or "2 %"
  std::vector<std::string> texts(std::string_view key);
  std::vector<std::vector<std::string>> commands(std::string_view key);
  std::map<std::string, std::string> strings(std::string_view key);  // a table of texts
  const toml::table* table(std::string_view key);
  std::vector<const toml::table*> tables(std::string_view key);

  bool has(std::string_view key) const { return table_.contains(key); }
  void finish() const;

  // An error at a key (or, when it is not there, at the table).
  [[noreturn]] void refuse(std::string_view key, const std::string& text) const;

 private:
  const toml::node* find(std::string_view key);
  std::string full(std::string_view key) const;

  const toml::table& table_;
  std::string path_, name_;
  std::vector<std::string> known_;
};

}  // namespace treino::experiment
