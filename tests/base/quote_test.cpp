// SPDX-License-Identifier: Apache-2.0
#include "treino/base/quote.h"

#include <gtest/gtest.h>

namespace treino {
namespace {

TEST(Quote, ShowsAnyBytesInOneLine) {
  EXPECT_EQ(quoted("plain"), "\"plain\"");
  EXPECT_EQ(quoted("a\nb\x1b[2J\x7f"), "\"a\\x0ab\\x1b[2J\\x7f\"");
  EXPECT_EQ(quoted(std::string_view("\0", 1)), "\"\\x00\"");
}

TEST(Quote, CutsLongTextBetweenCharacters) {
  EXPECT_EQ(quoted("abcdef", 3), "\"abc...\"");
  EXPECT_EQ(quoted("ab\xc3\xa9", 3), "\"ab...\"");  // an e with an accent has two bytes

  EXPECT_EQ(one_line(std::string(1000, 'x')).size(), 403U);
  // What is shown counts, not what it stands for.
  EXPECT_EQ(one_line(std::string(300, '\t')).size(), 403U);
  EXPECT_EQ(one_line("a\t\t", 7), "a\\x09...");
}

}  // namespace
}  // namespace treino
