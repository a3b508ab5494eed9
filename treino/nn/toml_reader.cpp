// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/toml_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <sstream>

#include "treino/base/quote.h"
#include "treino/base/suggest.h"
#include "treino/nn/layers.h"

namespace treino::nn {

namespace {

// Where holds a bare pointer, so that layers stay small constants; names of files read live on.
const char* keep(const std::string& text) {
  static std::mutex mutex;
  static std::set<std::string> kept;
  const std::lock_guard lock(mutex);
  return kept.insert(text).first->c_str();
}

std::string node_text(const toml::node& node) {
  std::string text = fmt::format("{}", [&] {
    std::ostringstream stream;
    node.visit([&](const auto& n) {
      if constexpr (toml::is_string<decltype(n)>) {
        stream << quoted(*n);
      } else if constexpr (toml::is_array<decltype(n)> || toml::is_table<decltype(n)>) {
        stream << (toml::is_array<decltype(n)> ? "a list" : "a table");
      } else {
        stream << *n;
      }
    });
    return stream.str();
  }());
  if (text == "1" && node.is_boolean()) return "true";
  if (text == "0" && node.is_boolean()) return "false";
  return text;
}

// The node as a field's value; false when no field looks like that.
bool convert(const toml::node& node, FieldValue& value) {
  if (const auto flag = node.value_exact<bool>()) return value = *flag, true;
  if (const auto whole = node.value_exact<std::int64_t>()) return value = *whole, true;
  if (const auto number = node.value_exact<double>()) return value = *number, true;
  if (const auto text = node.value_exact<std::string>()) return value = *text, true;
  if (const toml::array* array = node.as_array()) {
    std::vector<double> numbers;
    for (const toml::node& element : *array) {
      const auto number = element.value<double>();
      if (!number || element.is_boolean()) return false;
      numbers.push_back(*number);
    }
    return value = numbers, true;
  }
  if (const toml::table* table = node.as_table(); table != nullptr && table->size() == 1) {
    const auto number = table->begin()->second.value<double>();
    if (!number) return false;
    return value = Tagged{std::string(table->begin()->first.str()), *number}, true;
  }
  return false;
}

std::string quoted_list(std::span<const std::string_view> words) {
  std::string text;
  for (std::string_view word : words)
    text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", word);
  return text;
}

}  // namespace

Where where_of(const toml::node& node, const Where& otherwise) {
  const toml::source_region& source = node.source();
  if (!source.path || !source.begin) return otherwise;
  const bool is_option = source.path->starts_with("--");
  return {keep(*source.path), is_option ? 0 : static_cast<int>(source.begin.line)};
}

const toml::node* TomlReader::find(std::string_view name) {
  known_.push_back(name);
  return table_.get(name);
}

std::string TomlReader::full(std::string_view name) const {
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

void TomlReader::refuse(const toml::node& node, std::string_view name,
                        const std::string& text) const {
  throw Error::mistake(fmt::format("{}{} {}", place(where_of(node, where_)), full(name), text));
}

const toml::table& TomlReader::table_at(const toml::node& node, std::string_view name) const {
  const toml::table* table = node.as_table();
  if (table == nullptr) refuse(node, name, fmt::format("is {}; use a table", node_text(node)));
  return *table;
}

void TomlReader::value(std::string_view name, FieldRef& field, const Limits& limits) {
  const toml::node* node = find(name);
  if (node == nullptr) {
    if (!limits.required) return;
    for (const auto& [key, other] : table_) {  // misspelt rather than missing?
      if (closest(key.str(), std::span(&name, 1)).empty()) continue;
      throw Error::mistake(fmt::format("{}unknown field \"{}\" of {}; did you mean \"{}\"?",
                                       place(where_of(other, where_)), key.str(), path_, name));
    }
    const std::string range = limits_text(limits);
    throw Error::mistake(fmt::format("{}{} is missing; use {}", place(where_), full(name),
                                     !field.choices().empty()
                                         ? "one of " + quoted_list(field.choices())
                                     : range.empty() ? "a value"
                                                     : "a number " + range));
  }
  FieldValue value;
  std::string want = "a plain value";
  try {
    if (!convert(*node, value)) {
      // Ask the field what it wants instead, with a value that fits none.
      value = Tagged{"", 0};
    }
    field.set(value);
    check_limits(name, field.get(), limits);
    return;
  } catch (const FieldMistake& mistake) {
    if (!mistake.field.empty()) refuse(*node, name, mistake.text);  // out of its limits
    want = mistake.text;
  }
  const std::string* word = std::get_if<std::string>(&value);
  const std::string_view near = word == nullptr ? "" : closest(*word, field.choices());
  if (!near.empty())
    refuse(*node, name, fmt::format("is {}; did you mean \"{}\"?", node_text(*node), near));
  if (want.empty()) want = "one of " + quoted_list(field.choices());
  refuse(*node, name, fmt::format("is {}; use {}", node_text(*node), want));
}

void TomlReader::group(std::string_view name, FieldGroup& group) {
  const toml::node* node = find(name);
  if (node == nullptr) return;
  TomlReader inner(table_at(*node, name), full(name), where_of(*node, where_));
  group.visit(inner);
  inner.finish();
}

void TomlReader::one_of(std::string_view name, FieldUnion& choice) {
  const toml::node* node = find(name);
  if (node == nullptr) return;
  const auto select = [&](std::string_view word) {
    const auto names = choice.names();
    const auto found = std::find(names.begin(), names.end(), word);
    if (found == names.end()) {
      refuse(*node, name, fmt::format("is {}{}", quoted(word), suggestion(word, names)));
    }
    choice.select(static_cast<std::size_t>(found - names.begin()));
  };
  if (const auto word = node->value_exact<std::string>()) return select(*word);
  const toml::table* table = node->as_table();
  if (table == nullptr || table->size() != 1) {
    refuse(*node, name,
           fmt::format("is {}; use one of {}, or {{ {} = {{ ... }} }}", node_text(*node),
                       quoted_list(choice.names()), choice.names()[0]));
  }
  const auto entry = table->begin();  // holds the pair it shows
  const toml::node& fields = entry->second;
  select(entry->first.str());
  const std::string inside = fmt::format("{}.{}", name, entry->first.str());
  TomlReader inner(table_at(fields, inside), full(inside), where_of(fields, where_));
  choice.visit(inner);
  inner.finish();
}

namespace {

// Shows a reader one field only, under the name of the group it belongs to.
class PlainValue final : public FieldVisitor {
 public:
  PlainValue(TomlReader& reader, std::string_view field, std::string_view group)
      : reader_(reader), field_(field), group_(group) {}
  void value(std::string_view name, FieldRef& field, const Limits& limits) override {
    if (name == field_) reader_.value(group_, field, limits);
  }
  void group(std::string_view, FieldGroup&) override {}
  void one_of(std::string_view, FieldUnion&) override {}
  void list(std::string_view, FieldList&) override {}
  void layers(std::string_view, std::vector<Layer>&) override {}

 private:
  TomlReader& reader_;
  std::string_view field_, group_;
};

}  // namespace

void TomlReader::list(std::string_view name, FieldList& list) {
  const toml::node* node = find(name);
  if (node == nullptr) return;
  const toml::array* array = node->as_array();
  const std::string example = fmt::format("[{{ {} = {{ ... }} }}] with any of {}", list.names()[0],
                                          quoted_list(list.names()));
  if (array == nullptr)
    refuse(*node, name, fmt::format("is {}; use {}", node_text(*node), example));
  list.clear();
  for (const toml::node& element : *array) {
    const toml::table* table = element.as_table();
    if (table == nullptr || table->size() != 1)
      refuse(element, name,
             fmt::format("needs exactly one entry in each pair of braces; use {}", example));
    const auto entry = table->begin();
    const std::string key(entry->first.str());
    const toml::node& fields = entry->second;
    const auto found = std::find(list.names().begin(), list.names().end(), key);
    if (found == list.names().end())
      refuse(element, name, fmt::format("has no \"{}\"{}", key, suggestion(key, list.names())));
    list.append();
    list.with(list.size() - 1, [&](FieldUnion& choice) {
      choice.select(static_cast<std::size_t>(found - list.names().begin()));
      if (!fields.is_table() && !choice.plain().empty()) {
        TomlReader inner(*table, full(name), where_of(element, where_));
        PlainValue value(inner, choice.plain(), key);
        choice.visit(value);
        return;
      }
      const std::string inside = fmt::format("{}.{}", name, key);
      TomlReader inner(table_at(fields, inside), full(inside), where_of(fields, where_));
      choice.visit(inner);
      inner.finish();
    });
  }
}

void TomlReader::layers(std::string_view name, std::vector<Layer>& layers) {
  const toml::node* node = find(name);
  if (node == nullptr) return;
  const toml::array* array = node->as_array();
  if (array == nullptr)
    refuse(*node, name, "is not a list of layers; write [[model]] before each layer");
  layers.clear();
  for (const toml::node& element : *array) {
    const Where element_where = where_of(element, where_);
    const toml::table* table = element.as_table();
    if (table == nullptr || table->size() != 1) {
      throw Error::mistake(
          fmt::format("{}{} needs exactly one layer an entry, e.g. dense = {{ units = 10 }}",
                      place(element_where), full(name)));
    }
    const auto entry = table->begin();
    const toml::node& fields = entry->second;
    const Where where = where_of(fields, element_where);
    const std::string layer_name(entry->first.str());
    const toml::table* options = fields.as_table();
    if (options == nullptr) {
      throw Error::mistake(fmt::format("{}{} needs its fields in a table, e.g. {} = {{}}",
                                       place(where), layer_name, layer_name));
    }
    TomlReader inner(*options, layer_name, where);
    std::optional<Layer> layer = make_layer(layer_name, where, inner);
    if (!layer) {
      throw Error::mistake(fmt::format("{}unknown layer \"{}\"{}", place(where), layer_name,
                                       suggestion(layer_name, layer_names())));
    }
    inner.finish();
    layers.push_back(std::move(*layer));
  }
}

void TomlReader::finish() const {
  for (const auto& [key, node] : table_) {
    if (std::find(known_.begin(), known_.end(), key.str()) != known_.end()) continue;
    throw Error::mistake(fmt::format(
        "{}unknown {} \"{}\"{}{}", place(where_of(node, where_)), path_.empty() ? "key" : "field",
        key.str(), path_.empty() ? "" : " of " + path_, suggestion(key.str(), known_)));
  }
}

}  // namespace treino::nn
