// SPDX-License-Identifier: Apache-2.0
#include "treino/chart/canvas.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace treino::chart {

namespace {

// Bit of the dot in column 0 or 1 and row 0 to 3 of a braille cell (Unicode block U+2800).
constexpr std::uint8_t kDot[2][4] = {{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}};
constexpr std::uint8_t kUpper = 0x01 | 0x02 | 0x08 | 0x10;

}  // namespace

Canvas::Canvas(int columns, int rows)
    : columns_(std::max(columns, 1)),
      rows_(std::max(rows, 1)),
      dots_(static_cast<std::size_t>(columns_ * rows_)),
      colors_(dots_.size(), -1),
      letters_(dots_.size()) {}

void Canvas::dot(int x, int y, int color) {
  if (x < 0 || y < 0 || x >= width() || y >= height()) return;
  const std::size_t cell = at(x / 2, y / 4);
  dots_[cell] = static_cast<std::uint8_t>(dots_[cell] | kDot[x % 2][y % 4]);
  colors_[cell] = color;
}

void Canvas::line(double x0, double y0, double x1, double y1, int color) {
  // Far outside nothing is seen, and the number of steps stays bounded.
  const double far = 4.0 * (width() + height());
  for (double* value : {&x0, &y0, &x1, &y1}) *value = std::clamp(*value, -far, far);
  const int steps =
      std::max(static_cast<int>(std::ceil(std::max(std::abs(x1 - x0), std::abs(y1 - y0)))), 1);
  for (int i = 0; i <= steps; ++i) {
    const double part = static_cast<double>(i) / steps;
    dot(static_cast<int>(std::floor(x0 + (x1 - x0) * part)),
        static_cast<int>(std::floor(y0 + (y1 - y0) * part)), color);
  }
}

void Canvas::column(int x, int top, int color) {
  for (int y = std::max(top, 0); y < height(); ++y) dot(x, y, color);
}

void Canvas::letter(int column, int row, std::string text, int color) {
  if (column < 0 || row < 0 || column >= columns_ || row >= rows_) return;
  letters_[at(column, row)] = std::move(text);
  colors_[at(column, row)] = color;
}

bool Canvas::empty(int column, int row) const {
  return dots_[at(column, row)] == 0 && letters_[at(column, row)].empty();
}

Canvas::Cell Canvas::cell(int column, int row, bool unicode) const {
  const std::size_t i = at(column, row);
  if (!letters_[i].empty()) return {letters_[i], colors_[i]};
  const std::uint8_t dots = dots_[i];
  if (dots == 0) return {" ", -1};
  if (unicode) {
    std::string text = "\xe2\xa0\x80";  // U+2800
    text[1] = static_cast<char>(0xa0 | (dots >> 6));
    text[2] = static_cast<char>(0x80 | (dots & 0x3f));
    return {text, colors_[i]};
  }
  const bool upper = (dots & kUpper) != 0;
  const bool lower = (dots & static_cast<std::uint8_t>(~kUpper)) != 0;
  return {upper && lower ? ":" : upper ? "'" : ".", colors_[i]};
}

}  // namespace treino::chart
