// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "treino/base/error.h"
#include "treino/data/load.h"

namespace treino::data {

namespace {

constexpr std::int64_t kGap = 2;
constexpr std::size_t kMostRows = 20;    // of a sheet with a row for each class
constexpr std::int64_t kSmallCell = 32;  // pixels, of a sheet of more classes

HostTensor picture_of(const HostTensor& samples, std::int64_t row) {
  HostTensor picture = HostTensor::unfilled(DType::u8, samples.shape.sub(1, 4));
  const auto size = static_cast<std::ptrdiff_t>(picture.bytes.size());
  std::copy_n(samples.bytes.begin() + row * size, size, picture.bytes.begin());
  return picture;
}

void paste(const HostTensor& picture, std::int64_t top, std::int64_t left, HostTensor& sheet) {
  const std::int64_t channels = picture.shape[2];
  const auto from = picture.as<std::uint8_t>();
  const auto to = sheet.as<std::uint8_t>();
  for (std::int64_t y = 0; y < picture.shape[0]; ++y) {
    for (std::int64_t x = 0; x < picture.shape[1]; ++x) {
      for (std::int64_t c = 0; c < 3; ++c) {
        const std::int64_t source =
            (y * picture.shape[1] + x) * channels + std::min(c, channels - 1);
        to[static_cast<std::size_t>(((top + y) * sheet.shape[1] + left + x) * 3 + c)] =
            from[static_cast<std::size_t>(source)];
      }
    }
  }
}

}  // namespace

HostTensor sample_sheet(const Dataset& dataset, int columns) {
  const Split& split = dataset.train;
  if (!split.samples || split.samples->shape.rank() != 4 || split.samples->dtype != DType::u8) {
    throw Error::mistake(dataset.name + " holds no pictures to show");
  }
  // A row for each class; where there are many, one picture a class, line by line.
  const std::size_t classes = dataset.classes.size();
  const bool by_rows = classes <= kMostRows;
  const Shape& shape = split.samples->shape;
  const std::int64_t most = by_rows ? std::max(shape[1], shape[2]) : kSmallCell;
  const std::int64_t longest = std::max(shape[1], shape[2]);
  const std::int64_t height =
      longest > most ? std::max<std::int64_t>(1, shape[1] * most / longest) : shape[1];
  const std::int64_t width =
      longest > most ? std::max<std::int64_t>(1, shape[2] * most / longest) : shape[2];
  const auto count = static_cast<std::int64_t>(classes);
  const std::int64_t rows = by_rows ? count : (count + columns - 1) / columns;
  HostTensor sheet(DType::u8,
                   Shape{rows * (height + kGap) + kGap, columns * (width + kGap) + kGap, 3});
  std::fill(sheet.bytes.begin(), sheet.bytes.end(), std::byte{255});
  const auto labels = split.labels->as<std::int32_t>();
  std::vector<std::int64_t> used(classes, 0);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    std::int64_t& taken = used[static_cast<std::size_t>(labels[i])];
    if (taken == (by_rows ? columns : 1)) continue;
    const std::int64_t row = by_rows ? labels[i] : labels[i] / columns;
    const std::int64_t column = by_rows ? taken : labels[i] % columns;
    ++taken;
    paste(resize_image(picture_of(*split.samples, static_cast<std::int64_t>(i)), height, width),
          row * (height + kGap) + kGap, column * (width + kGap) + kGap, sheet);
  }
  return sheet;
}

}  // namespace treino::data
