// SPDX-License-Identifier: Apache-2.0
// Reads fields from parsed TOML. Every error is an Error::mistake that names file, line, field and
// remedy.
#pragma once

#include <toml++/toml.h>
#include <string>
#include <vector>

#include "treino/nn/fields.h"
#include "treino/nn/layer.h"

namespace treino::nn {

// Where a node stands. Nodes of a --set have the whole option as their file, without a line.
Where where_of(const toml::node& node, const Where& otherwise);

// Fills visited fields from a table; what the table does not say keeps its default.
class TomlReader final : public FieldVisitor {
 public:
  // path: the table's own name for errors, "train.optimizer.adam"; empty at the top.
  TomlReader(const toml::table& table, std::string path, Where where)
      : table_(table), path_(std::move(path)), where_(where) {}

  void value(std::string_view name, FieldRef& field, const Limits& limits) override;
  void group(std::string_view name, FieldGroup& group) override;
  void one_of(std::string_view name, FieldUnion& choice) override;
  void list(std::string_view name, FieldList& list) override;
  void layers(std::string_view name, std::vector<Layer>& layers) override;

  // Throws for a key that no field has asked for.
  void finish() const;

 private:
  const toml::node* find(std::string_view name);
  const toml::table& table_at(const toml::node& node, std::string_view name) const;
  std::string full(std::string_view name) const;
  [[noreturn]] void refuse(const toml::node& node, std::string_view name,
                           const std::string& text) const;

  const toml::table& table_;
  std::string path_;
  Where where_;
  std::vector<std::string_view> known_;
};

}  // namespace treino::nn
