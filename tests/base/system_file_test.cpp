// SPDX-License-Identifier: Apache-2.0
#include "treino/base/system_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "treino/base/number_text.h"

namespace treino {
namespace {

TEST(SystemFile, ValueAfterTheWholeKey) {
  const std::string path = testing::TempDir() + "system_file";
  std::ofstream(path)
      << "model\t\t: 17\nmodel name\t: A processor: fast\nMemTotal:  24 kB\nempty:\n";
  EXPECT_EQ(value_in(path.c_str(), "model name"), "A processor: fast");
  EXPECT_EQ(value_in(path.c_str(), "model"), "17");
  EXPECT_EQ(value_in(path.c_str(), "MemTotal"), "24 kB");
  EXPECT_EQ(value_in(path.c_str(), "empty"), "");
  EXPECT_EQ(value_in(path.c_str(), "absent"), "");
  EXPECT_EQ(value_in("/nowhere", "model"), "");
}

TEST(NumberText, GroupsOfThree) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(101770), "101,770");
  EXPECT_EQ(grouped(-1234567), "-1,234,567");
}

}  // namespace
}  // namespace treino
