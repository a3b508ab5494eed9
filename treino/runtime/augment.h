// SPDX-License-Identifier: Apache-2.0
// What a sample draws for an `augment` op, and the arithmetic of changed pixels, the same on every
// device. 8-bit pixels are computed in integers: every device gives the same bytes.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <type_traits>

#include "treino/base/device_code.h"
#include "treino/base/rng.h"
#include "treino/graph/attributes.h"

namespace treino {

// Streams of augmentations begin here; those of dropout are small numbers.
inline constexpr std::uint32_t kAugmentStreams = 0x41000000;

inline constexpr std::int64_t kUnit = 1 << 16;  // 1 in the fixed-point numbers below

// What one sample draws. Which members count is the change's business.
struct AugmentDraw {
  bool changes = false;                // false: the sample stays as it is
  std::array<bool, 2> flip{};          // along height, along width
  std::array<std::int64_t, 2> from{};  // shift: source minus output; cutout: first row, column
  std::array<std::int64_t, 2> to{};    // cutout: row and column behind the last
  std::int64_t cosine = 0, sine = 0;   // rotate
  std::int64_t factor = kUnit;         // brightness, contrast; mixup: the sample's own share
};

namespace detail {

TREINO_HOST_DEVICE std::array<std::uint32_t, 4> augment_words(const AugmentAttributes& a,
                                                              std::uint32_t block,
                                                              std::uint64_t seed,
                                                              std::uint64_t position) {
  return philox({block, kAugmentStreams + a.stream, static_cast<std::uint32_t>(position),
                 static_cast<std::uint32_t>(position >> 32)},
                seed);
}

TREINO_HOST_DEVICE double unit_interval(std::uint32_t word) {
  return (word + 0.5) * 0x1p-32;
}
TREINO_HOST_DEVICE std::int64_t below(std::uint32_t word, std::int64_t bound) {
  return static_cast<std::int64_t>((std::uint64_t{word} * static_cast<std::uint64_t>(bound)) >> 32);
}
// 1 - amount .. 1 + amount in fixed point.
TREINO_HOST_DEVICE std::int64_t factor_about_one(std::uint32_t word, double amount) {
  return std::llround((1 + amount * (2 * unit_interval(word) - 1)) * kUnit);
}

// The larger of x and 1 - x with x of the beta distribution (alpha, alpha), alpha <= 1, in fixed
// point. Source: Jöhnk, "Erzeugung von betaverteilten und gammaverteilten Zufallszahlen", 1964.
TREINO_HOST_DEVICE std::int64_t mixing_share(const AugmentAttributes& a, std::uint64_t seed,
                                             std::uint64_t position) {
  for (std::uint32_t block = 1; block <= 32; ++block) {
    const auto words = augment_words(a, block, seed, position);
    for (std::size_t pair : {0, 2}) {
      const double x = std::pow(unit_interval(words[pair]), 1 / a.amount);
      const double y = std::pow(unit_interval(words[pair + 1]), 1 / a.amount);
      if (x + y > 1) continue;
      return std::llround(std::max(x, y) / (x + y) * kUnit);
    }
  }
  return kUnit;  // one in 2^64 or rarer
}

}  // namespace detail

// The draw of the sample at global position `position`, of a picture of this height and width.
TREINO_HOST_DEVICE AugmentDraw draw_augment(const AugmentAttributes& a, std::int64_t height,
                                            std::int64_t width, std::uint64_t seed,
                                            std::uint64_t position) {
  using namespace detail;
  const auto words = augment_words(a, 0, seed, position);
  const double threshold = a.probability * 0x1p32;
  AugmentDraw draw;
  draw.changes = words[3] < threshold;
  if (a.change == Change::flip) {  // each way by itself
    draw.flip = {a.axes[0] && words[0] < threshold, a.axes[1] && words[1] < threshold};
    draw.changes = draw.flip[0] || draw.flip[1];
  }
  if (!draw.changes) return draw;
  const std::array<std::int64_t, 2> extent{height, width};
  switch (a.change) {
    case Change::flip:
      break;
    case Change::shift:
      for (std::size_t k : {0, 1}) draw.from[k] = below(words[k], 2 * a.reach[k] + 1) - a.reach[k];
      break;
    case Change::rotate: {
      const double angle = (2 * unit_interval(words[0]) - 1) * a.amount * std::numbers::pi / 180;
      draw.cosine = std::llround(std::cos(angle) * kUnit);
      draw.sine = std::llround(std::sin(angle) * kUnit);
      break;
    }
    case Change::cutout:  // a centre anywhere in the picture; what is outside is cut off
      for (std::size_t k : {0, 1}) {
        const std::int64_t first = below(words[k], extent[k]) - a.reach[k] / 2;
        draw.from[k] = std::max<std::int64_t>(first, 0);
        draw.to[k] = std::min(first + a.reach[k], extent[k]);
      }
      break;
    case Change::brightness:
    case Change::contrast:
      draw.factor = factor_about_one(words[0], a.amount);
      break;
    case Change::mixup:
      draw.factor = mixing_share(a, seed, position);
      break;
  }
  return draw;
}

// Where along an axis a pixel beside the picture is read; -1: it is zero.
TREINO_HOST_DEVICE std::int64_t border_index(std::int64_t i, std::int64_t extent, Border border) {
  if (i >= 0 && i < extent) return i;
  if (border == Border::zero) return -1;
  if (border == Border::edge || extent == 1) return std::clamp<std::int64_t>(i, 0, extent - 1);
  const std::int64_t period = 2 * (extent - 1);
  i = (i % period + period) % period;
  return i < extent ? i : period - i;
}

// The point of the source that a rotated picture shows at (y, x): whole pixels, and 256ths beyond.
struct SourcePoint {
  std::int64_t y, x;
  int beyond_y, beyond_x;
};
TREINO_HOST_DEVICE SourcePoint rotated_from(const AugmentDraw& draw, std::int64_t y, std::int64_t x,
                                            std::int64_t height, std::int64_t width) {
  const std::int64_t v = 2 * y - (height - 1), u = 2 * x - (width - 1);  // from the middle, halves
  const std::int64_t from_y = (draw.cosine * v - draw.sine * u + (height - 1) * kUnit) >> 1;
  const std::int64_t from_x = (draw.sine * v + draw.cosine * u + (width - 1) * kUnit) >> 1;
  return {from_y >> 16, from_x >> 16, static_cast<int>((from_y & 0xffff) >> 8),
          static_cast<int>((from_x & 0xffff) >> 8)};
}

// Pixels of type T (std::uint8_t, or a floating type) from pixels of that type.
template <typename T>
TREINO_HOST_DEVICE T between(T top_left, T top_right, T bottom_left, T bottom_right,
                             const SourcePoint& point) {
  using Weight = std::conditional_t<std::is_integral_v<T>, int, T>;
  const auto wy = static_cast<Weight>(point.beyond_y), wx = static_cast<Weight>(point.beyond_x);
  const auto sum = top_left * ((256 - wy) * (256 - wx)) + top_right * ((256 - wy) * wx) +
                   bottom_left * (wy * (256 - wx)) + bottom_right * (wy * wx);
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>((sum + 0x8000) >> 16);
  else
    return sum * static_cast<T>(0x1p-16);
}

template <typename T>
TREINO_HOST_DEVICE T brightened(T value, std::int64_t factor) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(std::min<std::int64_t>((value * factor + 0x8000) >> 16, 255));
  } else {
    return value * (static_cast<T>(factor) * static_cast<T>(0x1p-16));
  }
}

// `sum` of all `count` numbers of the picture.
template <typename T, typename Sum>
TREINO_HOST_DEVICE T contrasted(T value, Sum sum, std::int64_t count, std::int64_t factor) {
  if constexpr (std::is_integral_v<T>) {
    const std::int64_t mean = (static_cast<std::int64_t>(sum) << 16) / count;
    const std::int64_t away = (((std::int64_t{value} << 16) - mean) * factor) >> 16;
    return static_cast<T>(std::clamp<std::int64_t>((mean + away + 0x8000) >> 16, 0, 255));
  } else {
    const T mean = static_cast<T>(sum / static_cast<Sum>(count));
    return mean + (value - mean) * (static_cast<T>(factor) * static_cast<T>(0x1p-16));
  }
}

template <typename T>
TREINO_HOST_DEVICE T mixed(T own, T other, std::int64_t share) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>((own * share + other * (kUnit - share) + 0x8000) >> 16);
  } else {
    return own * (static_cast<T>(share) * static_cast<T>(0x1p-16)) +
           other * (static_cast<T>(kUnit - share) * static_cast<T>(0x1p-16));
  }
}

}  // namespace treino
