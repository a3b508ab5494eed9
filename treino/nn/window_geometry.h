// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "treino/graph/graph.h"
#include "treino/nn/fields.h"

namespace treino::nn {

// valid: the window stays inside the image. same: padded so that the output has ceil(input /
// stride) elements; where the padding is odd the extra element comes after (TensorFlow's rule).
enum class Padding : std::uint8_t { valid, same };
std::span<const std::string_view> names_of(Padding);
using enum Padding;

// The window over an image [height, width, channels] (no batch).
WindowAttributes window_over(const Shape& image, Pair size, Pair stride, Pair dilation,
                             Padding padding);

// Throws FieldMistake unless `image` is [height, width, channels] with room for the window; `field`
// is the layer's name for the window's size.
void check_window(const Shape& image, std::string_view field, Pair size, Pair dilation,
                  Padding padding);

// [height, width] of the output.
Pair output_extents(const Shape& image, Pair size, Pair stride, Pair dilation, Padding padding);

// Throws FieldMistake unless the shape is [height, width, channels].
void check_image(const Shape& shape);
// Throws FieldMistake unless the shape is [time, channels].
void check_sequence(const Shape& shape);

}  // namespace treino::nn
