// SPDX-License-Identifier: Apache-2.0
#include "treino/base/suggest.h"

#include <gtest/gtest.h>

namespace treino {
namespace {

constexpr std::string_view kWords[] = {"filters", "kernel", "stride", "padding"};

TEST(Suggest, FindsTheNearestWord) {
  EXPECT_EQ(closest("kernal", kWords), "kernel");
  EXPECT_EQ(closest("Kernel", kWords), "kernel");
  EXPECT_EQ(closest("strdie", kWords), "stride");  // a swap is one step
  EXPECT_EQ(closest("paddings", kWords), "padding");
  EXPECT_EQ(closest("banana", kWords), "");
}

TEST(Suggest, SaysItOrListsWhatThereIs) {
  EXPECT_EQ(suggestion("kernal", kWords), "; did you mean \"kernel\"?");
  EXPECT_EQ(suggestion("zzz", kWords), "; known: filters, kernel, stride, padding");
}

}  // namespace
}  // namespace treino
