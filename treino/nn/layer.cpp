// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/layer.h"

#include <fmt/format.h>

#include "treino/nn/to_json.h"

namespace treino::nn {

namespace {

[[noreturn]] void refuse(const Where& where, std::string_view layer, const FieldMistake& mistake) {
  throw Error::mistake(fmt::format("{}{}{}{} {}", place(where), layer,
                                   mistake.field.empty() ? "" : ".", mistake.field, mistake.text));
}

struct LayerFields final : FieldGroup {
  explicit LayerFields(const Layer& l) : layer(l) {}
  void visit(FieldVisitor& visitor) override { layer.visit(visitor); }
  const Layer& layer;
};

}  // namespace

void Layer::check() const {
  LayerFields fields(*this);
  try {
    check_fields(fields);
  } catch (const FieldMistake& mistake) {
    refuse(where(), name(), mistake);
  }
}

Shape Layer::output(const Shape& input) const {
  try {
    const Shape shape = self_->output(input);
    double elements = 1;
    for (std::int64_t extent : shape) elements *= static_cast<double>(extent);
    if (elements > 0x1p40) {
      throw FieldMistake{"",
                         fmt::format("has an output of {}, more than 2^40 numbers; make it smaller",
                                     to_string(shape))};
    }
    return shape;
  } catch (const FieldMistake& mistake) {
    refuse(where(), name(), mistake);
  }
}

Layer Layer::edited(FieldVisitor& visitor) const {
  Layer copy(self_->clone(visitor));
  copy.check();
  return copy;
}

bool operator==(const Layer& a, const Layer& b) {
  return a.name() == b.name() && layer_json(a) == layer_json(b);
}

}  // namespace treino::nn
