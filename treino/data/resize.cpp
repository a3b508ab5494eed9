// SPDX-License-Identifier: Apache-2.0
// Pictures brought to a size.
#include <algorithm>
#include <cmath>

#include "treino/data/load.h"

namespace treino::data {

namespace {

// The weights with which input pixels make up each output pixel along one axis: a triangle around
// the output pixel's centre, as wide as the larger of the two pixels, cut off at the border and
// scaled to a sum of 1. With this width, shrinking averages (as Pillow's BILINEAR does).
struct Weights {
  std::vector<std::int64_t> first;  // input pixel of the first weight
  std::vector<float> values;        // [extent, most]
  std::int64_t most = 0;            // weights a pixel
};

Weights triangle(std::int64_t from, std::int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to),
               support = std::max(scale, 1.0);
  Weights weights;
  weights.most = static_cast<std::int64_t>(std::ceil(support)) * 2 + 1;
  weights.values.assign(static_cast<std::size_t>(to * weights.most), 0);
  for (std::int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<std::int64_t>(0, static_cast<std::int64_t>(centre - support + 0.5));
    const auto last = std::min(from, static_cast<std::int64_t>(centre + support + 0.5));
    std::vector<double> row;
    double sum = 0;
    for (std::int64_t k = first; k < last; ++k) {
      row.push_back(std::max(0.0, 1 - std::abs((static_cast<double>(k) + 0.5 - centre) / support)));
      sum += row.back();
    }
    weights.first.push_back(first);
    for (std::size_t k = 0; k < row.size(); ++k) {
      weights.values[static_cast<std::size_t>(i * weights.most) + k] =
          static_cast<float>(row[k] / sum);
    }
  }
  return weights;
}

// u8 [h, w, c] -> [h, columns, c].
HostTensor resize_columns(const HostTensor& image, std::int64_t columns) {
  const std::int64_t height = image.shape[0], width = image.shape[1], channels = image.shape[2];
  const Weights weights = triangle(width, columns);
  HostTensor result = HostTensor::unfilled(DType::u8, Shape{height, columns, channels});
  const std::uint8_t* from = image.as<std::uint8_t>().data();
  std::uint8_t* to = result.as<std::uint8_t>().data();
  for (std::int64_t y = 0; y < height; ++y, from += width * channels) {
    for (std::int64_t x = 0; x < columns; ++x) {
      const std::int64_t first = weights.first[static_cast<std::size_t>(x)];
      const std::int64_t count = std::min(weights.most, width - first);
      const float* w = weights.values.data() + x * weights.most;
      for (std::int64_t c = 0; c < channels; ++c) {
        const std::uint8_t* pixel = from + first * channels + c;
        float sum = 0.5F;
        for (std::int64_t k = 0; k < count; ++k)
          sum += w[k] * static_cast<float>(pixel[k * channels]);
        *to++ = static_cast<std::uint8_t>(std::min(sum, 255.0F));
      }
    }
  }
  return result;
}

// u8 [h, w, c] -> [rows, w, c]: whole rows are summed, so that the inner loop is over neighbours.
HostTensor resize_rows(const HostTensor& image, std::int64_t rows) {
  const std::int64_t height = image.shape[0], row = image.shape[1] * image.shape[2];
  const Weights weights = triangle(height, rows);
  HostTensor result = HostTensor::unfilled(DType::u8, Shape{rows, image.shape[1], image.shape[2]});
  const std::uint8_t* from = image.as<std::uint8_t>().data();
  std::uint8_t* to = result.as<std::uint8_t>().data();
  std::vector<float> sums(static_cast<std::size_t>(row));
  for (std::int64_t y = 0; y < rows; ++y, to += row) {
    std::fill(sums.begin(), sums.end(), 0.5F);
    const std::int64_t first = weights.first[static_cast<std::size_t>(y)];
    for (std::int64_t k = 0; k < std::min(weights.most, height - first); ++k) {
      const float w = weights.values[static_cast<std::size_t>(y * weights.most + k)];
      if (w == 0) continue;
      const std::uint8_t* line = from + (first + k) * row;
      for (std::int64_t i = 0; i < row; ++i)
        sums[static_cast<std::size_t>(i)] += w * static_cast<float>(line[i]);
    }
    for (std::int64_t i = 0; i < row; ++i)
      to[i] = static_cast<std::uint8_t>(std::min(sums[static_cast<std::size_t>(i)], 255.0F));
  }
  return result;
}

// The rectangle of `image` from (top, left), black where it reaches beyond it.
HostTensor window_of(const HostTensor& image, std::int64_t top, std::int64_t left,
                     std::int64_t height, std::int64_t width) {
  const std::int64_t channels = image.shape[2];
  HostTensor result(DType::u8, Shape{height, width, channels});
  const std::int64_t x0 = std::max<std::int64_t>(0, -left),
                     x1 = std::min(width, image.shape[1] - left);
  for (std::int64_t y = std::max<std::int64_t>(0, -top); y < std::min(height, image.shape[0] - top);
       ++y) {
    const auto* from = image.bytes.data() + ((y + top) * image.shape[1] + x0 + left) * channels;
    std::copy_n(from, (x1 - x0) * channels, result.bytes.data() + (y * width + x0) * channels);
  }
  return result;
}

}  // namespace

HostTensor resize_image(const HostTensor& image, std::int64_t height, std::int64_t width) {
  const bool rows = image.shape[0] != height, columns = image.shape[1] != width;
  if (!rows && !columns) return image;
  if (!rows) return resize_columns(image, width);
  if (!columns) return resize_rows(image, height);
  return resize_rows(resize_columns(image, width), height);
}

HostTensor fit_image(const HostTensor& image, const Geometry& geometry) {
  if (geometry.fit == Geometry::as_is) return image;
  const std::int64_t height = geometry.height, width = geometry.width;
  if (geometry.fit == Geometry::resize) return resize_image(image, height, width);
  const double down = static_cast<double>(height) / static_cast<double>(image.shape[0]);
  const double across = static_cast<double>(width) / static_cast<double>(image.shape[1]);
  const bool by_height = geometry.fit == Geometry::crop ? down > across : down < across;
  const auto scaled = [&](std::int64_t extent, double factor) {
    return std::max<std::int64_t>(1, std::llround(static_cast<double>(extent) * factor));
  };
  const std::int64_t rows = by_height ? height : scaled(image.shape[0], across);
  const std::int64_t columns = by_height ? scaled(image.shape[1], down) : width;
  const HostTensor resized = resize_image(image, rows, columns);
  const auto half = [](std::int64_t n) { return n >= 0 ? n / 2 : -((-n) / 2); };
  return window_of(resized, half(rows - height), half(columns - width), height, width);
}

}  // namespace treino::data
