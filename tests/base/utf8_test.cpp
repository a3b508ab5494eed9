// SPDX-License-Identifier: Apache-2.0
#include "treino/base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace treino {
namespace {

TEST(Utf8, Sound) {
  for (const char* text :
       {"", "plain", "caf\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\x9d bee", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(is_utf8(text)) << text;
  EXPECT_TRUE(is_utf8(std::string("a\0b", 3)));
}

TEST(Utf8, NotSound) {
  for (const char* text : {
           "caf\xe9",           // another code
           "\xc3",              // cut
           "\xe2\x82",          // cut
           "\x80",              // no beginning
           "\xc0\xaf",          // overlong
           "\xe0\x80\xaf",      // overlong
           "\xed\xa0\x80",      // a surrogate
           "\xf4\x90\x80\x80",  // beyond the last
           "\xff",
       })
    EXPECT_FALSE(is_utf8(text)) << text;
}

}  // namespace
}  // namespace treino
