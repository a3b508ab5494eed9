// SPDX-License-Identifier: Apache-2.0
#include "treino/cli/picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "treino/data/load.h"

namespace treino::cli {

namespace {

using Colour = std::array<int, 3>;

Colour colour_at(const HostTensor& picture, std::int64_t y, std::int64_t x) {
  const auto pixels = picture.as<std::uint8_t>();
  const auto at = static_cast<std::size_t>((y * picture.shape[1] + x) * 3);
  return {pixels[at], pixels[at + 1], pixels[at + 2]};
}

// Repeated characters as "!<count><character>".
void append_run(std::string& line, char character, std::size_t count) {
  if (count > 3) {
    line += fmt::format("!{}{}", count, character);
  } else {
    line.append(count, character);
  }
}

}  // namespace

std::string block_picture(const HostTensor& picture, int columns) {
  HostTensor small = picture;
  if (picture.shape[1] > columns) {
    const std::int64_t height =
        std::max<std::int64_t>(1, picture.shape[0] * columns / picture.shape[1]);
    small = data::resize_image(picture, height, columns);
  }
  std::string text;
  for (std::int64_t y = 0; y < small.shape[0]; y += 2) {
    Colour top_before{-1, -1, -1}, bottom_before = top_before;
    for (std::int64_t x = 0; x < small.shape[1]; ++x) {
      const Colour top = colour_at(small, y, x);
      const Colour bottom = y + 1 < small.shape[0] ? colour_at(small, y + 1, x) : Colour{0, 0, 0};
      if (top != top_before) text += fmt::format("\x1b[38;2;{};{};{}m", top[0], top[1], top[2]);
      if (bottom != bottom_before) {
        text += fmt::format("\x1b[48;2;{};{};{}m", bottom[0], bottom[1], bottom[2]);
      }
      text += "\u2580";
      top_before = top;
      bottom_before = bottom;
    }
    text += "\x1b[0m\n";
  }
  return text;
}

std::string sixel_picture(const HostTensor& picture) {
  const std::int64_t height = picture.shape[0], width = picture.shape[1];
  std::string text = fmt::format("\x1bPq\"1;1;{};{}", width, height);
  for (int i = 0; i < 216; ++i) {
    text += fmt::format("#{};2;{};{};{}", i, i / 36 * 20, i / 6 % 6 * 20, i % 6 * 20);
  }
  const auto level = [](int value) { return (value * 5 + 127) / 255; };
  std::vector<int> index(static_cast<std::size_t>(6 * width));
  for (std::int64_t top = 0; top < height; top += 6) {
    std::array<bool, 216> used{};
    for (std::int64_t row = 0; row < 6; ++row) {
      for (std::int64_t x = 0; x < width; ++x) {
        int& entry = index[static_cast<std::size_t>(row * width + x)];
        entry = -1;
        if (top + row >= height) continue;
        const Colour c = colour_at(picture, top + row, x);
        entry = level(c[0]) * 36 + level(c[1]) * 6 + level(c[2]);
        used[static_cast<std::size_t>(entry)] = true;
      }
    }
    for (int colour = 0; colour < 216; ++colour) {
      if (!used[static_cast<std::size_t>(colour)]) continue;
      text += fmt::format("#{}", colour);
      char before = 0;
      std::size_t count = 0;
      for (std::int64_t x = 0; x < width; ++x) {
        int bits = 0;
        for (std::int64_t row = 0; row < 6; ++row) {
          bits |= (index[static_cast<std::size_t>(row * width + x)] == colour ? 1 : 0) << row;
        }
        const char character = static_cast<char>('?' + bits);
        if (character != before) {
          append_run(text, before, count);
          before = character;
          count = 0;
        }
        ++count;
      }
      append_run(text, before, count);
      text += '$';
    }
    text += '-';
  }
  return text + "\x1b\\\n";
}

bool knows_sixels() {
  const char* term = std::getenv("TERM");
  const std::string_view name = term != nullptr ? term : "";
  for (const std::string_view known : {"sixel", "mlterm", "foot", "contour", "yaft", "wezterm"}) {
    if (name.find(known) != name.npos) return true;
  }
  return false;
}

}  // namespace treino::cli
