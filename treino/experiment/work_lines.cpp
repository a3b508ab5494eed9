// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/work_lines.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace treino::experiment {

using Json = nlohmann::json;  // keys sorted

std::optional<std::string> layers_line(const std::string& json) {
  const Json layers = Json::parse(json, nullptr, false);
  if (layers.is_null()) return "";
  if (!layers.is_array()) return std::nullopt;
  std::string line;
  for (const Json& layer : layers) {
    if (!layer.is_object()) return std::nullopt;
    const auto said = [&](const char* key, Json unsaid) {
      const auto found = layer.find(key);
      return found == layer.end() ? unsaid : *found;
    };
    const Json type = said("type", "?"), parameters = said("parameters", 0);
    if (!type.is_string() || !parameters.is_number()) return std::nullopt;
    if (!line.empty()) line += ", ";
    line += fmt::format("{}{} {:.0f}", type.get<std::string>(), said("output", {}).dump(),
                        parameters.get<double>());
  }
  return line;
}

std::string optimizer_line(const std::string& json) {
  static const Json defaults = {
      {"adam",
       {{"rate", 1e-3}, {"beta1", 0.9}, {"beta2", 0.999}, {"epsilon", 1e-7}, {"eps_root", 0.0}}},
      {"sgd", {{"rate", 0.01}, {"momentum", 0.0}, {"nesterov", false}, {"weight_decay", 0.0}}},
  };
  const Json said = Json::parse(json, nullptr, false);
  if (said.is_null()) return "";
  if (!said.is_object() || said.size() != 1 || !said.begin().value().is_object())
    return said.dump();
  Json numbers = defaults.value(said.begin().key(), Json::object());
  for (const auto& [name, value] : said.begin().value().items()) {
    numbers[name] = value.is_number() ? Json(value.get<double>()) : value;
  }
  std::string line = said.begin().key();
  for (const auto& [name, value] : numbers.items()) {
    line += value.is_number() ? fmt::format(" {} {:g}", name, value.get<double>())
                              : fmt::format(" {} {}", name, value.dump());
  }
  return line;
}

std::optional<bool> shuffles(const std::string& json) {
  const Json said = Json::parse(json, nullptr, false);
  if (said.is_boolean()) return said.get<bool>();
  if (said.is_number()) return said.get<double>() != 0;
  return std::nullopt;
}

}  // namespace treino::experiment
