// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/describe.h"

#include <fmt/format.h>

#include "treino/nn/layers.h"
#include "treino/nn/recipe.h"

namespace treino::nn {

namespace {

class Describer final : public FieldVisitor {
 public:
  void value(std::string_view name, FieldRef& field, const Limits& limits) override {
    std::string allowed =
        limits.allowed.empty() ? limits_text(limits) : std::string(limits.allowed);
    for (std::string_view word : field.choices())
      allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", word);
    const std::string usual = limits.required                ? ""
                              : !limits.default_text.empty() ? std::string(limits.default_text)
                                                             : to_text(field.get());
    fields.push_back({std::string(name), usual, allowed});
  }
  void group(std::string_view name, FieldGroup& group) override {
    Describer inner;
    group.visit(inner);
    for (const FieldDescription& field : inner.fields) {
      fields.push_back({fmt::format("{}.{}", name, field.name), field.default_text, field.allowed});
    }
  }
  void one_of(std::string_view name, FieldUnion& choice) override {
    std::string allowed;
    for (std::string_view word : choice.names())
      allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", word);
    fields.push_back(
        {std::string(name), fmt::format("\"{}\"", choice.names()[choice.index()]), allowed});
  }
  void list(std::string_view name, FieldList& list) override {
    std::string allowed = "a list of ";
    for (std::string_view word : list.names())
      allowed += fmt::format("{}{}", allowed.back() == ' ' ? "" : ", ", word);
    fields.push_back({std::string(name), "[]", allowed});
  }
  void layers(std::string_view name, std::vector<Layer>&) override {
    fields.push_back({std::string(name), "[]", "layers"});
  }

  std::vector<FieldDescription> fields;
};

template <class T>
GroupDescription describe(const char* kind, std::string_view name) {
  T group;
  Describer describer;
  group.fields(describer);
  return {kind, std::string(name), describer.fields};
}

template <class... Ts>
void describe_union(const char* kind, std::vector<GroupDescription>& groups, std::variant<Ts...>) {
  (groups.push_back(describe<Ts>(kind, Ts::kName)), ...);
}

}  // namespace

std::vector<GroupDescription> describe_recipe() {
  std::vector<GroupDescription> groups;
#define TREINO_LAYER(layer) groups.push_back(describe<layer>("layer", layer::kName));
#include "treino/nn/layers.def"
#undef TREINO_LAYER
  describe_union("optimizer", groups, Optimizer{});
  describe_union("schedule", groups, Schedule{});
  describe_union("text", groups, TextOptions{});
  describe_union("augmentation", groups, Augmentation{});
  groups.push_back(describe<InputOptions>("section", "input"));
  groups.push_back(describe<TrainOptions>("section", "train"));
  return groups;
}

std::string recipe_reference() {
  std::string text, kind;
  for (const GroupDescription& group : describe_recipe()) {
    if (group.kind != kind) {
      kind = group.kind;
      text += fmt::format("{}| {} | field | default | allowed |\n|---|---|---|---|\n",
                          text.empty() ? "" : "\n", kind);
    }
    if (group.fields.empty()) text += fmt::format("| `{}` | – | | |\n", group.name);
    for (std::size_t i = 0; i < group.fields.size(); ++i) {
      const FieldDescription& field = group.fields[i];
      text += fmt::format(
          "| {} | `{}` | {} | {} |\n", i == 0 ? fmt::format("`{}`", group.name) : "", field.name,
          field.default_text.empty() ? "required" : "`" + field.default_text + "`", field.allowed);
    }
  }
  return text;
}

}  // namespace treino::nn
