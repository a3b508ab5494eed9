// SPDX-License-Identifier: Apache-2.0
#include "treino/base/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace treino {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::HasSubstr;

std::size_t files_in(const std::string& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
  return count;
}

TEST(File, WritesPartsAndReplaces) {
  const TemporaryFolder folder;
  const std::string path = folder / "a";
  write_whole_file(path, "old");
  const std::string_view parts[] = {"new ", "", "contents"};
  write_whole_file(path, parts);
  EXPECT_EQ(read_whole_file(path), "new contents");
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(File, ALinkStaysAndWhatItLeadsToIsWritten) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink("target", folder / "link");
  std::filesystem::create_symlink("link", folder / "second");
  for (const char* contents : {"new", "newer"}) {
    write_whole_file(folder / "second", contents);
    EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
    EXPECT_EQ(read_whole_file(folder / "target"), contents);
  }
}

TEST(File, APipeIsWrittenInto) {
  const TemporaryFolder folder;
  const std::string path = folder / "pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK);
  write_whole_file(path, "contents");
  char text[16] = {};
  EXPECT_EQ(read(reader, text, sizeof text), 8);
  close(reader);
  EXPECT_TRUE(std::filesystem::is_fifo(path));
}

TEST(File, MissingFolderIsAnErrorOfWork) {
  EXPECT_THAT(error_of([] { write_whole_file("/nowhere/at/all", "x"); }, Fault::work),
              HasSubstr("/nowhere/at/all"));
  EXPECT_THAT(error_of([] { read_whole_file("/nowhere/at/all"); }), HasSubstr("no such file"));
  EXPECT_EQ(error_of([] { read_whole_file("/usr"); }), "/usr: is a folder, wanted is a file");
}

TEST(File, FolderThatIsAFile) {
  const TemporaryFolder folder;
  const std::string path = folder.write("a", "x");
  EXPECT_THAT(error_of([&] { make_folders(path + "/b"); }, Fault::work), HasSubstr(path));
  EXPECT_THAT(error_of([&] { make_folders(path); }, Fault::work), HasSubstr(path));
}

TEST(File, UnwritableFolder) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  const TemporaryFolder folder;
  std::filesystem::permissions(
      folder.path(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  EXPECT_THAT(error_of([&] { check_writable(folder.path()); }, Fault::work),
              HasSubstr("may write"));
  EXPECT_THAT(error_of([&] { write_whole_file(folder / "a", "x"); }, Fault::work),
              HasSubstr("may write"));
  std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_all);
}

// A write that fails half-way (here: a limit on a file's size) leaves the old file and nothing
// beside.
TEST(File, FailedWriteLeavesTheOldFile) {
  const TemporaryFolder folder;
  const std::string path = folder / "a";
  write_whole_file(path, "old");
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_whole_file(path, std::string(1 << 20, 'x'));
    } catch (const Error& error) {
      _exit(error.fault() == Fault::work ? 7 : 8);
    }
    _exit(9);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_EQ(read_whole_file(path), "old");
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(File, WhatAKilledWriterLeftIsTakenAway) {
  const TemporaryFolder folder;
  folder.write("a.json.part-123", "half");
  folder.write("a.json", "whole");
  folder.write("notes.part-two", "a name of the user's own");
  remove_partial_files(folder.path());
  remove_partial_files(folder / "nowhere");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.json.part-123"));
  EXPECT_EQ(read_whole_file(folder / "a.json"), "whole");
  EXPECT_TRUE(std::filesystem::exists(folder / "notes.part-two"));
}

}  // namespace
}  // namespace treino
