// SPDX-License-Identifier: Apache-2.0
// Changes made to samples while training: [input] augment = [{ flip = "horizontal" }, ...]. Each is
// drawn anew for every sample, by the seed and the sample's place in the whole training.
#pragma once

#include <optional>
#include <variant>

#include "treino/graph/attributes.h"
#include "treino/nn/fields.h"

namespace treino::nn {

enum class FlipDirection : std::uint8_t { horizontal, vertical, both };
std::span<const std::string_view> names_of(FlipDirection);

// What is seen beside a moved picture.
enum class Fill : std::uint8_t { zero, edge, reflect };
std::span<const std::string_view> names_of(Fill);

// Mirrored with a probability; both: each way by itself.
struct Flip {
  static constexpr std::string_view kName = "flip";
  static constexpr std::string_view kPlain = "direction";
  FlipDirection direction = FlipDirection::horizontal;
  double probability = 0.5;

  template <class V>
  void fields(V& v) {
    v("direction", direction);
    v("probability", probability, Limits{.least = 0, .most = 1});
  }
};

// A window of the picture's own size, anywhere in the picture padded by `pad` pixels on each side.
struct Crop {
  static constexpr std::string_view kName = "crop";
  static constexpr std::string_view kPlain = "pad";
  std::int64_t pad = 4;
  Fill fill = Fill::zero;

  template <class V>
  void fields(V& v) {
    v("pad", pad, Limits{.least = 1, .most = 4096});
    v("fill", fill);
  }
};

// Moved up or down and left or right by whole pixels, at most these fractions of its size.
struct Shift {
  static constexpr std::string_view kName = "shift";
  double height = 0.1;
  double width = 0.1;
  Fill fill = Fill::zero;

  template <class V>
  void fields(V& v) {
    v("height", height, Limits{.least = 0, .most = 1});
    v("width", width, Limits{.least = 0, .most = 1});
    v("fill", fill);
  }
};

// Turned about its middle by up to so many degrees either way, bilinear.
struct Rotate {
  static constexpr std::string_view kName = "rotate";
  static constexpr std::string_view kPlain = "degrees";
  double degrees = 15;
  Fill fill = Fill::zero;

  template <class V>
  void fields(V& v) {
    v("degrees", degrees, Limits{.least = 0, .most = 180});
    v("fill", fill);
  }
};

// A square of zeros about a pixel anywhere, cut off at the border (DeVries and Taylor 2017).
struct Cutout {
  static constexpr std::string_view kName = "cutout";
  static constexpr std::string_view kPlain = "size";
  std::int64_t size = 8;
  double probability = 1;

  template <class V>
  void fields(V& v) {
    v("size", size, Limits{.least = 1, .most = 4096});
    v("probability", probability, Limits{.least = 0, .most = 1});
  }
};

// Every number times 1 - amount .. 1 + amount; 8-bit pixels end at 255.
struct Brightness {
  static constexpr std::string_view kName = "brightness";
  static constexpr std::string_view kPlain = "amount";
  double amount = 0.2;

  template <class V>
  void fields(V& v) {
    v("amount", amount, Limits{.least = 0, .most = 1});
  }
};

// The distance from the picture's own mean times 1 - amount .. 1 + amount.
struct Contrast {
  static constexpr std::string_view kName = "contrast";
  static constexpr std::string_view kPlain = "amount";
  double amount = 0.2;

  template <class V>
  void fields(V& v) {
    v("amount", amount, Limits{.least = 0, .most = 1});
  }
};

// The same as [input] mean and std, also in evaluation and prediction: (x scale - mean) / std.
struct Normalise {
  static constexpr std::string_view kName = "normalise";
  std::vector<double> mean{};
  std::vector<double> deviation{};

  template <class V>
  void fields(V& v) {
    v("mean", mean, Limits{.allowed = "one number, or one a channel"});
    v("std", deviation, positive);
  }
};

// Mixed with the batch's next sample, and its target likewise (Zhang et al. 2018); a sample's own
// share is the larger one of a pair drawn from the beta distribution (alpha, alpha).
struct Mixup {
  static constexpr std::string_view kName = "mixup";
  static constexpr std::string_view kPlain = "alpha";
  double alpha = 0.2;

  template <class V>
  void fields(V& v) {
    v("alpha", alpha, Limits{.least = 0.05, .most = 1});
  }
};

using Augmentation =
    std::variant<Flip, Crop, Shift, Rotate, Cutout, Brightness, Contrast, Normalise, Mixup>;

// The op's attributes over samples of that shape; none for what never changes a sample. Throws
// Error::mistake where samples are no pictures [height, width, channels] and must be.
std::optional<AugmentAttributes> attributes_of(const Augmentation& augmentation,
                                               const Shape& sample, std::uint32_t stream);

}  // namespace treino::nn
