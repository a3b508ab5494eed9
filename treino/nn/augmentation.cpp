// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/augmentation.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace treino::nn {

std::span<const std::string_view> names_of(FlipDirection) {
  static constexpr std::array<std::string_view, 3> kNames{"horizontal", "vertical", "both"};
  return kNames;
}

std::span<const std::string_view> names_of(Fill) {
  static constexpr std::array<std::string_view, 3> kNames{"zero", "edge", "reflect"};
  return kNames;
}

namespace {

Border border_of(Fill fill) {
  return fill == Fill::zero ? Border::zero : fill == Fill::edge ? Border::edge : Border::reflect;
}

// What each augmentation sets; the shape is [height, width, channels] but for mixup.
struct Setter {
  AugmentAttributes& a;
  const Shape& sample;

  bool operator()(const Flip& flip) const {
    a.change = Change::flip;
    a.axes = {flip.direction != FlipDirection::horizontal,
              flip.direction != FlipDirection::vertical};
    a.probability = flip.probability;
    return flip.probability > 0;
  }
  bool operator()(const Crop& crop) const {
    a.change = Change::shift;
    a.reach = {crop.pad, crop.pad};
    a.border = border_of(crop.fill);
    return true;
  }
  bool operator()(const Shift& shift) const {
    a.change = Change::shift;
    a.reach = {std::llround(shift.height * static_cast<double>(sample[0])),
               std::llround(shift.width * static_cast<double>(sample[1]))};
    a.border = border_of(shift.fill);
    return a.reach[0] + a.reach[1] > 0;
  }
  bool operator()(const Rotate& rotate) const {
    a.change = Change::rotate;
    a.amount = rotate.degrees;
    a.border = border_of(rotate.fill);
    return rotate.degrees > 0;
  }
  bool operator()(const Cutout& cutout) const {
    a.change = Change::cutout;
    a.reach = {cutout.size, cutout.size};
    a.probability = cutout.probability;
    return cutout.probability > 0;
  }
  bool operator()(const Brightness& brightness) const {
    a.change = Change::brightness;
    a.amount = brightness.amount;
    return brightness.amount > 0;
  }
  bool operator()(const Contrast& contrast) const {
    a.change = Change::contrast;
    a.amount = contrast.amount;
    return contrast.amount > 0;
  }
  bool operator()(const Normalise&) const { return false; }  // scale_input does it
  bool operator()(const Mixup& mixup) const {
    a.change = Change::mixup;
    a.amount = mixup.alpha;
    return true;
  }
};

}  // namespace

std::optional<AugmentAttributes> attributes_of(const Augmentation& augmentation,
                                               const Shape& sample, std::uint32_t stream) {
  AugmentAttributes attributes;
  attributes.stream = stream;
  const bool any_shape = std::holds_alternative<Mixup>(augmentation) ||
                         std::holds_alternative<Normalise>(augmentation);
  if (!any_shape && sample.rank() != 3) {
    const std::string_view name =
        std::visit([](const auto& one) { return one.kName; }, augmentation);
    throw Error::mistake(fmt::format(
        "input.augment.{} changes pictures, but the samples are {}; leave it out, or say their "
        "shape = [height, width, channels]",
        name, to_string(sample)));
  }
  if (!std::visit(Setter{attributes, sample}, augmentation)) return std::nullopt;
  return attributes;
}

}  // namespace treino::nn
