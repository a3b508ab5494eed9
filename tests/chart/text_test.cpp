// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include "tests/chart/samples.h"
#include "tests/support/errors.h"
#include "treino/chart/canvas.h"
#include "treino/chart/utf8.h"

namespace treino::chart {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Canvas, dots_make_braille) {
  Canvas canvas(2, 1);
  canvas.dot(0, 0, 31);
  canvas.dot(1, 3, 32);
  EXPECT_EQ(canvas.cell(0, 0, true).text, "⢁");
  EXPECT_EQ(canvas.cell(0, 0, true).color, 32);
  EXPECT_EQ(canvas.cell(1, 0, true).text, " ");
  EXPECT_EQ(canvas.cell(0, 0, false).text, ":");
  canvas.letter(1, 0, "x", 33);
  EXPECT_EQ(canvas.cell(1, 0, true).text, "x");
  canvas.letter(1, 0, "", 33);
  EXPECT_TRUE(canvas.empty(1, 0));
}

TEST(Canvas, all_dots_of_a_cell_are_different) {
  Canvas canvas(1, 1);
  for (int x = 0; x < 2; ++x) {
    for (int y = 0; y < 4; ++y) canvas.dot(x, y, 0);
  }
  EXPECT_EQ(canvas.cell(0, 0, true).text, "⣿");
}

TEST(Canvas, leaves_out_what_lies_outside) {
  Canvas canvas(3, 2);
  canvas.line(-1e18, -1e18, 1e18, 1e18, 1);
  canvas.dot(-1, 0, 1);
  canvas.dot(6, 0, 1);
  canvas.dot(0, 8, 1);
  canvas.column(99, -5, 1);
  canvas.letter(3, 0, "x", 1);
  EXPECT_FALSE(canvas.empty(0, 0));
  EXPECT_FALSE(canvas.empty(1, 0) && canvas.empty(1, 1));
}

TEST(Text, fits_its_columns) {
  for (const Chart& chart : {samples::curves(), samples::runs_as_dots(), samples::bars(),
                             samples::ratios(), samples::grouped(), samples::roof()}) {
    for (const int columns : {30, 72, 140}) {
      std::istringstream lines(text(chart, {.columns = columns}));
      for (std::string line; std::getline(lines, line);) {
        EXPECT_LE(width(line), static_cast<std::size_t>(columns)) << chart.title << "\n" << line;
      }
    }
  }
}

TEST(Text, has_no_control_characters_without_colour) {
  Chart chart = samples::curves();
  chart.title = "evil \x1b[2J\a\r\n name";
  EXPECT_THAT(text(chart), Not(HasSubstr("\x1b")));
  EXPECT_THAT(text(chart, {.color = true}), Not(HasSubstr("\x1b[2J")));
  EXPECT_THAT(text(chart, {.color = true}), HasSubstr("\x1b[36m"));
}

TEST(Text, is_ascii_where_that_is_asked_for) {
  for (const Chart& chart : {samples::curves(), samples::bars(), samples::ratios()}) {
    for (const char letter : text(chart, {.unicode = false})) {
      EXPECT_GE(letter, 0) << chart.title;
    }
  }
}

class Terminal : public testing::Test {
 protected:
  void SetUp() override {
    winsize size{.ws_row = 40, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
    ASSERT_EQ(openpty(&ours_, &theirs_, nullptr, nullptr, &size), 0);
    unsetenv("NO_COLOR");
    unsetenv("LC_ALL");
    unsetenv("LC_CTYPE");
    setenv("LANG", "C.UTF-8", 1);
    setenv("TERM", "xterm", 1);
  }
  void TearDown() override {
    close(ours_);
    close(theirs_);
  }
  int ours_ = -1;
  int theirs_ = -1;
};

TEST_F(Terminal, gives_width_colour_and_letters) {
  const TextOptions options = terminal_text(theirs_);
  EXPECT_EQ(options.columns, 100);
  EXPECT_TRUE(options.color);
  EXPECT_TRUE(options.unicode);
}

TEST_F(Terminal, no_color_is_honoured) {
  setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(terminal_text(theirs_).color);
  setenv("NO_COLOR", "", 1);  // no-color.org: only when not empty
  EXPECT_TRUE(terminal_text(theirs_).color);
  setenv("TERM", "dumb", 1);
  EXPECT_FALSE(terminal_text(theirs_).color);
}

TEST_F(Terminal, without_a_utf8_locale_gets_ascii) {
  setenv("LC_ALL", "C", 1);
  EXPECT_FALSE(terminal_text(theirs_).unicode);
}

TEST_F(Terminal, a_file_gets_plain_text) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_FALSE(terminal_text(ends[1]).color);
  EXPECT_EQ(terminal_text(ends[1]).columns, 72);
  close(ends[0]);
  close(ends[1]);
}

TEST(Builders, say_what_is_wrong) {
  EXPECT_THAT([] { bar_chart("t", {}, {"a", "b"}, {1}); }, testing::Throws<Error>());
  EXPECT_THAT([] { roofline("t", 0, 10, {}); }, testing::Throws<Error>());
}

}  // namespace
}  // namespace treino::chart
