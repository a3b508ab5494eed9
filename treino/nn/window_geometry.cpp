// SPDX-License-Identifier: Apache-2.0
#include "treino/nn/window_geometry.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace treino::nn {

std::span<const std::string_view> names_of(Padding) {
  static constexpr std::array<std::string_view, 2> kNames{"valid", "same"};
  return kNames;
}

namespace {

// Extent a window with that dilation covers.
std::int64_t reach(std::int64_t size, std::int64_t dilation) {
  return (size - 1) * dilation + 1;
}

struct Span1D {
  std::int64_t output, before, after;
};

Span1D span_of(std::int64_t input, std::int64_t size, std::int64_t stride, std::int64_t dilation,
               Padding padding) {
  if (padding == Padding::valid) return {(input - reach(size, dilation)) / stride + 1, 0, 0};
  const std::int64_t output = (input + stride - 1) / stride;
  const std::int64_t total =
      std::max<std::int64_t>((output - 1) * stride + reach(size, dilation) - input, 0);
  return {output, total / 2, total - total / 2};
}

}  // namespace

void check_image(const Shape& shape) {
  if (shape.rank() == 3) return;
  throw FieldMistake{"",
                     fmt::format("needs an image [height, width, channels] but the input is {}; "
                                 "put it before flatten",
                                 to_string(shape))};
}

void check_sequence(const Shape& shape) {
  if (shape.rank() == 2) return;
  throw FieldMistake{
      "",
      fmt::format("needs a sequence [time, channels] but the input is {}; put it after embedding",
                  to_string(shape))};
}

void check_window(const Shape& image, std::string_view field, Pair size, Pair dilation,
                  Padding padding) {
  check_image(image);
  if (padding == Padding::same) return;
  const std::int64_t high = reach(size.height, dilation.height),
                     wide = reach(size.width, dilation.width);
  if (high <= image[0] && wide <= image[1]) return;
  const bool square = image[0] == image[1];
  const std::int64_t most_high = (image[0] - 1) / dilation.height + 1;
  const std::int64_t most_wide = (image[1] - 1) / dilation.width + 1;
  const std::string most = square && most_high == most_wide
                               ? fmt::format("{}", most_high)
                               : fmt::format("[{}, {}]", most_high, most_wide);
  throw FieldMistake{
      std::string(field),
      fmt::format("is {}{} but the input is {}x{}; use at most {} or padding = \"same\"",
                  to_text(get_field(size)),
                  dilation == Pair(1) ? "" : " dilated by " + to_text(get_field(dilation)),
                  image[0], image[1], most)};
}

WindowAttributes window_over(const Shape& image, Pair size, Pair stride, Pair dilation,
                             Padding padding) {
  const Span1D high = span_of(image[0], size.height, stride.height, dilation.height, padding);
  const Span1D wide = span_of(image[1], size.width, stride.width, dilation.width, padding);
  WindowAttributes window;
  window.size = {size.height, size.width};
  window.stride = {stride.height, stride.width};
  window.dilation = {dilation.height, dilation.width};
  window.pad_before = {high.before, wide.before};
  window.pad_after = {high.after, wide.after};
  return window;
}

Pair output_extents(const Shape& image, Pair size, Pair stride, Pair dilation, Padding padding) {
  return {span_of(image[0], size.height, stride.height, dilation.height, padding).output,
          span_of(image[1], size.width, stride.width, dilation.width, padding).output};
}

}  // namespace treino::nn
