// SPDX-License-Identifier: Apache-2.0
// A picture of braille dots, 2 across and 4 down in each terminal cell; without Unicode, points and
// colons. Also what the full-screen views draw their graphs with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace treino::chart {

class Canvas {
 public:
  Canvas(int columns, int rows);

  int columns() const { return columns_; }
  int rows() const { return rows_; }
  int width() const { return 2 * columns_; }  // in dots
  int height() const { return 4 * rows_; }

  // Dots are counted from the left and from the top; what lies outside is left out. A cell has the
  // color that was set in it last.
  void dot(int x, int y, int color);
  void line(double x0, double y0, double x1, double y1, int color);
  // Dots from `top` down to the bottom of column x.
  void column(int x, int top, int color);
  // A letter in place of a cell's dots; an empty one gives the dots back.
  void letter(int column, int row, std::string text, int color);
  bool empty(int column, int row) const;

  struct Cell {
    std::string text;  // one column wide
    int color = -1;    // -1: nothing was drawn there
  };
  Cell cell(int column, int row, bool unicode) const;

 private:
  std::size_t at(int column, int row) const {
    return static_cast<std::size_t>(row * columns_ + column);
  }

  int columns_;
  int rows_;
  std::vector<std::uint8_t> dots_;
  std::vector<int> colors_;
  std::vector<std::string> letters_;
};

}  // namespace treino::chart
