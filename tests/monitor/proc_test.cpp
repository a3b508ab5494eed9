// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/proc.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "tests/support/temporary_folder.h"

namespace treino::monitor {
namespace {

std::string line(const std::string& name) {
  return "42 (" + name + ") S 7 1 1 0 -1 4194304 0 0 0 0 11 22 33 44 20 0 5 0 777 1000 3 " +
         "0 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0\n";
}

TEST(ParseStat, NamesMayHoldAnything) {
  for (const char* name :
       {"work", "a b", "(sd-pam)", "x) S 1 2 3", "new\nline", ")", "", "tmux: server"}) {
    const std::string text = line(name);
    const auto stat = parse_stat(text);
    ASSERT_TRUE(stat.has_value()) << name;
    EXPECT_EQ(stat->name, name);
    EXPECT_EQ(stat->pid, 42);
    EXPECT_EQ(stat->parent, 7);
    EXPECT_EQ(stat->state, 'S');
    EXPECT_EQ(stat->user, 11u);
    EXPECT_EQ(stat->system, 22u);
    EXPECT_EQ(stat->child_user, 33u);
    EXPECT_EQ(stat->child_system, 44u);
    EXPECT_EQ(stat->threads, 5);
    EXPECT_EQ(stat->start, 777u);
    EXPECT_EQ(stat->exit_signal, 17);
  }
}

TEST(ParseStat, ATornOrForeignTextIsNothing) {
  for (const char* text :
       {"", "42", "42 (work", "42 (work) ", "42 (work) S", "42 (work) S 7 1 1", "x (y) S 1"}) {
    EXPECT_FALSE(parse_stat(text).has_value()) << text;
  }
}

TEST(ParseStat, ReadsTheRealFile) {
  ProcReader reader;
  const auto text = reader.read("/proc/self/stat");
  ASSERT_TRUE(text.has_value());
  const auto stat = parse_stat(*text);
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(stat->pid, ::getpid());
  EXPECT_EQ(stat->parent, ::getppid());
  EXPECT_EQ(stat->exit_signal, SIGCHLD);
}

TEST(NumberAfter, OnlyAtTheStartOfALine) {
  const std::string text = "total_rss 5\nrss 7\nVmHWM:\t  12 kB\nlast ";
  EXPECT_EQ(number_after(text, "rss "), 7);
  EXPECT_EQ(number_after(text, "VmHWM:"), 12);
  EXPECT_FALSE(number_after(text, "last ").has_value());
  EXPECT_FALSE(number_after(text, "none").has_value());
}

TEST(ProcReader, GrowsForALongFileAndReadsItAgain) {
  const test::TemporaryFolder folder;
  std::string contents;
  for (int i = 0; i < 5000; ++i) contents += std::to_string(i) + "\n";
  const Descriptor file = open_read(folder.write("long", contents));
  ProcReader reader;
  for (int i = 0; i < 2; ++i) EXPECT_EQ(reader.read(file.get()), contents);
  EXPECT_FALSE(reader.read(folder / "none").has_value());
  EXPECT_EQ(reader.error(), ENOENT);
}

// The kernel gives files of records in pages, however large the buffer has grown.
TEST(ProcReader, ReadsLongKernelFilesWholeEveryTime) {
  ProcReader reader;
  for (int i = 0; i < 3; ++i) {
    const auto text = reader.read("/proc/self/smaps");
    ASSERT_TRUE(text.has_value());
    EXPECT_GT(text->size(), 10000u);
    EXPECT_NE(text->find("[stack]"), text->npos) << "read " << i;
    EXPECT_EQ(text->back(), '\n');
    EXPECT_NE(text->rfind("VmFlags:"), text->npos);
    EXPECT_GT(text->rfind("VmFlags:"), text->rfind("Rss:"));
  }
}

TEST(ProcessClock, IsOursInNanoseconds) {
  const auto before = process_clock(::getpid());
  ASSERT_TRUE(before.has_value());
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  EXPECT_NEAR(*before, static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9,
              0.05);
  EXPECT_FALSE(process_clock((1 << 22) + 5).has_value());
}

}  // namespace
}  // namespace treino::monitor
