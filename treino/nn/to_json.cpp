// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/to_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "treino/nn/layer.h"

namespace treino::nn {

namespace {

using Json = nlohmann::ordered_json;

Json value_json(const FieldValue& value) {
  struct Maker {
    Json operator()(bool flag) const { return flag; }
    Json operator()(std::int64_t number) const { return number; }
    Json operator()(double number) const { return number; }
    Json operator()(const std::string& text) const { return text; }
    Json operator()(const std::vector<double>& numbers) const {
      Json list = Json::array();
      for (double number : numbers) {
        const bool whole = std::trunc(number) == number && std::abs(number) < 0x1p53;
        list.push_back(whole ? Json(static_cast<std::int64_t>(number)) : Json(number));
      }
      return list;
    }
    Json operator()(const Tagged& tagged) const { return Json{{tagged.tag, tagged.value}}; }
  };
  return std::visit(Maker{}, value);
}

class JsonWriter final : public FieldVisitor {
 public:
  void value(std::string_view name, FieldRef& field, const Limits&) override {
    object[std::string(name)] = value_json(field.get());
  }
  void group(std::string_view name, FieldGroup& group) override {
    object[std::string(name)] = fields_json(group);
  }
  void one_of(std::string_view name, FieldUnion& choice) override {
    object[std::string(name)] =
        Json{{std::string(choice.names()[choice.index()]), fields_json(choice)}};
  }
  void list(std::string_view name, FieldList& list) override {
    Json array = Json::array();
    for (std::size_t i = 0; i < list.size(); ++i) {
      list.with(i, [&](FieldUnion& choice) {
        array.push_back(Json{{std::string(choice.names()[choice.index()]), fields_json(choice)}});
      });
    }
    object[std::string(name)] = array;
  }
  void layers(std::string_view name, std::vector<Layer>& layers) override {
    Json list = Json::array();
    for (const Layer& layer : layers) {
      JsonWriter inner;
      layer.visit(inner);
      list.push_back(Json{{std::string(layer.name()), inner.object}});
    }
    object[std::string(name)] = list;
  }

  Json object = Json::object();
};

}  // namespace

nlohmann::ordered_json fields_json(FieldGroup& group) {
  JsonWriter writer;
  group.visit(writer);
  return writer.object;
}

std::string layer_json(const Layer& layer) {
  JsonWriter writer;
  layer.visit(writer);
  return Json{{std::string(layer.name()), writer.object}}.dump();
}

}  // namespace treino::nn
