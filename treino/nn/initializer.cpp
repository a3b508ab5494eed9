// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/initializer.h"

#include <array>
#include <cmath>

namespace treino::nn {

namespace {

struct Fans {
  double in = 1, out = 1;
};

Fans fans_of(const Shape& shape) {
  if (shape.rank() == 0) return {};
  const double last = static_cast<double>(shape.back());
  if (shape.rank() == 1) return {last, last};
  double field = 1;  // of a convolution: height times width
  for (int axis = 0; axis < shape.rank() - 2; ++axis) field *= static_cast<double>(shape[axis]);
  return {field * static_cast<double>(shape[shape.rank() - 2]), field * last};
}

double variance_of(Initializer::Kind kind, const Fans& fans) {
  switch (kind) {
    case Initializer::kGlorotUniform:
    case Initializer::kGlorotNormal:
      return 2 / (fans.in + fans.out);
    case Initializer::kHeUniform:
    case Initializer::kHeNormal:
      return 2 / fans.in;
    default:
      return 1 / fans.in;
  }
}

double truncated_normal(Rng& rng) {
  double value = rng.normal();
  while (std::abs(value) > 2) value = rng.normal();
  return value;
}

// Standard deviation of the standard normal cut at +-2.
constexpr double kTruncatedDeviation = 0.87962566103423978;

}  // namespace

std::span<const std::string_view> initializer_names() {
  static constexpr std::array<std::string_view, 10> kNames{
      "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform",
      "lecun_normal",   "zeros",         "ones",       "normal",    "uniform",
  };
  return kNames;
}

std::span<const std::string_view> field_words(const Initializer&) {
  return initializer_names().first(Initializer::kNormal);
}

FieldValue get_field(const Initializer& value) {
  const std::string name(initializer_names()[value.kind]);
  if (value.kind < Initializer::kNormal) return name;
  return Tagged{name, value.amount};
}

void set_field(Initializer& member, const FieldValue& value) {
  const std::string* name = std::get_if<std::string>(&value);
  const Tagged* tagged = std::get_if<Tagged>(&value);
  if (tagged != nullptr) name = &tagged->tag;
  for (std::size_t i = 0; name != nullptr && i < initializer_names().size(); ++i) {
    if (initializer_names()[i] != *name) continue;
    const auto kind = static_cast<Initializer::Kind>(i);
    if ((kind >= Initializer::kNormal) != (tagged != nullptr)) break;
    if (tagged != nullptr && !(tagged->value > 0)) {
      throw FieldMistake{"", "a positive number as the width of { " + *name + " = ... }"};
    }
    member = {kind, tagged != nullptr ? tagged->value : 0};
    return;
  }
  throw FieldMistake{
      "",
      "one of glorot_uniform, glorot_normal, he_uniform, he_normal, lecun_uniform, lecun_normal, "
      "zeros, ones, { normal = deviation }, { uniform = limit }"};
}

HostTensor initial_tensor(const Initializer& initializer, const Shape& shape, Rng& rng) {
  HostTensor tensor(DType::f32, shape);
  const double deviation = std::sqrt(variance_of(initializer.kind, fans_of(shape)));
  for (float& element : tensor.as<float>()) {
    double value = 0;
    switch (initializer.kind) {
      case Initializer::kGlorotUniform:
      case Initializer::kHeUniform:
      case Initializer::kLecunUniform:
        value = std::sqrt(3.0) * deviation * (2 * rng.uniform() - 1);
        break;
      case Initializer::kGlorotNormal:
      case Initializer::kHeNormal:
      case Initializer::kLecunNormal:
        value = deviation / kTruncatedDeviation * truncated_normal(rng);
        break;
      case Initializer::kZeros:
        break;
      case Initializer::kOnes:
        value = 1;
        break;
      case Initializer::kNormal:
        value = initializer.amount * rng.normal();
        break;
      case Initializer::kUniform:
        value = initializer.amount * (2 * rng.uniform() - 1);
        break;
    }
    element = static_cast<float>(value);
  }
  return tensor;
}

}  // namespace treino::nn
