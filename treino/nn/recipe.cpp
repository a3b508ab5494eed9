// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "treino/base/quote.h"
#include "treino/base/utf8.h"
#include "treino/nn/loss.h"
#include "treino/nn/override.h"
#include "treino/nn/to_json.h"
#include "treino/nn/toml_reader.h"

namespace treino::nn {

namespace {

std::string stem_of(const std::string& path) {
  std::string stem = path.substr(path.find_last_of('/') + 1);
  return stem.ends_with(".toml") ? stem.substr(0, stem.size() - 5) : stem;
}

std::string inline_toml(const nlohmann::ordered_json& value) {
  std::string text;
  if (value.is_object()) {
    for (const auto& [key, field] : value.items()) {
      text += fmt::format("{}{} = {}", text.empty() ? " " : ", ", key, inline_toml(field));
    }
    return text.empty() ? "{}" : fmt::format("{{{} }}", text);
  }
  if (value.is_array()) {
    for (const auto& element : value) text += (text.empty() ? "" : ", ") + inline_toml(element);
    return fmt::format("[{}]", text);
  }
  if (value.is_number_float()) return to_text(FieldValue(value.get<double>()));
  return value.dump();
}

// A run's folder is called after the recipe.
void check_name(const Recipe& recipe, const toml::table& table) {
  const std::string& name = recipe.name;
  const bool plain =
      !name.empty() && name[0] != '.' && name.find('/') == std::string::npos && is_utf8(name) &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return c >= ' ' && c != 127; });
  if (plain) return;
  const toml::node* node = table.get("name");
  throw Error::mistake(fmt::format(
      "{}name is {}; use a name without / and without a leading point",
      node == nullptr ? "" : place(where_of(*node, {})),
      nlohmann::json(name).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
}

nlohmann::ordered_json json_of(Recipe recipe) {
  GroupOf<Recipe> fields(recipe);
  return fields_json(fields);
}

Recipe read_recipe(const std::string& text, const std::string& path,
                   std::span<const Override> overrides) {
  toml::table table;
  try {
    table = toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    throw Error::mistake(
        fmt::format("{}:{}: {}", path, error.source().begin.line, error.description()));
  }
  for (const Override& change : overrides) apply_override(table, change);
  Recipe recipe;
  recipe.path = path;
  recipe.name = stem_of(path);
  TomlReader reader(table, "", Where{"", 0});
  recipe.fields(reader);
  reader.finish();
  check_name(recipe, table);
  if (recipe.layers.empty()) {
    throw Error::mistake(fmt::format("{}: no layers; write [[model]] before each layer", path));
  }
  return recipe;
}

}  // namespace

// A mistake's line quotes the file, which may hold anything.
Recipe parse_recipe(const std::string& text, const std::string& path,
                    std::span<const Override> overrides) {
  try {
    return read_recipe(text, path, overrides);
  } catch (const Error& error) {
    throw Error(error.fault(), one_line(error.what(), path.size() + 400));
  }
}

std::string write_recipe(const Recipe& recipe) {
  const nlohmann::ordered_json json = json_of(recipe);
  std::string text;
  for (const auto& [key, value] : json.items()) {
    if (!value.is_structured()) text += fmt::format("{} = {}\n", key, inline_toml(value));
  }
  for (const auto& [key, value] : json.items()) {
    if (value.is_array()) {
      for (const auto& layer : value) {
        text += fmt::format("\n[[{}]]\n{} = {}\n", key, layer.begin().key(),
                            inline_toml(*layer.begin()));
      }
    } else if (value.is_object()) {
      text += fmt::format("\n[{}]\n", key);
      for (const auto& [name, field] : value.items())
        text += fmt::format("{} = {}\n", name, inline_toml(field));
    }
  }
  return text;
}

std::string recipe_json(const Recipe& recipe) {
  return json_of(recipe).dump();
}

std::string optimizer_json(const Optimizer& optimizer) {
  TrainOptions options;
  options.optimizer = optimizer;
  GroupOf<TrainOptions> fields(options);
  return fields_json(fields)["optimizer"].dump();
}

void check_recipe(const Recipe& recipe) {
  if (recipe.layers.empty()) throw Error::mistake("the recipe has no layers");
  check_name(recipe, {});
  Recipe copy = recipe;
  GroupOf<Recipe> fields(copy);
  try {
    check_fields(fields);
  } catch (const FieldMistake& mistake) {
    throw Error::mistake(fmt::format("{} {}", mistake.field, mistake.text));
  }
}

Model build_model(const Recipe& recipe, const Shape& data, std::int64_t classes) {
  Shape shape = data;
  if (!recipe.input.shape.empty()) {
    std::vector<std::int64_t> extents;
    for (double extent : recipe.input.shape) {
      if (extent != std::trunc(extent)) {
        throw Error::mistake(
            fmt::format("{}: input.shape holds {}; use whole numbers", recipe.path, extent));
      }
      extents.push_back(static_cast<std::int64_t>(extent));
    }
    if (extents.size() >= static_cast<std::size_t>(Shape::kMaxRank)) {
      throw Error::mistake(fmt::format("{}: input.shape has {} sizes; use at most {}", recipe.path,
                                       extents.size(), Shape::kMaxRank - 1));
    }
    shape = Shape(extents);
  }
  if (shape.rank() == 0) {
    throw Error::mistake(
        fmt::format("{}: input.shape is missing and no data say it; use e.g. "
                    "shape = [28, 28, 1]",
                    recipe.path));
  }
  if (data.rank() > 0 && data.elements() != shape.elements()) {
    throw Error::mistake(
        fmt::format("{}: input.shape is {} but the data's samples are {}; leave it out or "
                    "use {}",
                    recipe.path, to_string(shape), to_string(data), to_string(data)));
  }
  Model model(shape);
  for (const Layer& layer : recipe.layers) model.add(layer);
  if (classes > 0) check_loss(model, recipe.train, classes);
  return model;
}

}  // namespace treino::nn
