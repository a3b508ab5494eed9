// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "treino/base/error.h"
#include "treino/data/load.h"

namespace treino::data {

HostTensor sample_sheet(const Dataset& dataset, int columns) {
  const Split& split = dataset.train;
  if (!split.samples || split.samples->shape.rank() != 4 || split.samples->dtype != DType::u8)
    throw Error::mistake(dataset.name + " holds no pictures to show");
  constexpr std::int64_t kGap = 2;
  const Shape& shape = split.samples->shape;
  const std::int64_t height = shape[1], width = shape[2], channels = shape[3];
  const auto rows = static_cast<std::int64_t>(std::min<std::size_t>(dataset.classes.size(), 20));
  HostTensor sheet(DType::u8,
                   Shape{rows * (height + kGap) + kGap, columns * (width + kGap) + kGap, 3});
  const auto out = sheet.as<std::uint8_t>();
  std::fill(out.begin(), out.end(), std::uint8_t{255});
  const auto pixels = split.samples->as<std::uint8_t>();
  const auto labels = split.labels->as<std::int32_t>();
  std::vector<std::int64_t> used(static_cast<std::size_t>(rows), 0);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] >= rows || used[static_cast<std::size_t>(labels[i])] == columns) continue;
    const std::int64_t column = used[static_cast<std::size_t>(labels[i])]++;
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t x = 0; x < width; ++x) {
        for (std::int64_t c = 0; c < 3; ++c) {
          const std::int64_t from =
              ((static_cast<std::int64_t>(i) * height + y) * width + x) * channels +
              std::min(c, channels - 1);
          const std::int64_t row = labels[i] * (height + kGap) + kGap + y,
                             place = column * (width + kGap) + kGap + x;
          out[static_cast<std::size_t>((row * sheet.shape[1] + place) * 3 + c)] =
              pixels[static_cast<std::size_t>(from)];
        }
      }
    }
  }
  return sheet;
}

}  // namespace treino::data
