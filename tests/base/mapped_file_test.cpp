// SPDX-License-Identifier: Apache-2.0
#include "treino/base/mapped_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "tests/support/temporary_folder.h"
#include "treino/base/file.h"

namespace treino {
namespace {

using test::TemporaryFolder;

std::shared_ptr<void> map_whole(const std::string& path, std::size_t bytes) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::shared_ptr<void> memory = map_file(descriptor, 0, bytes, path);
  close(descriptor);
  return memory;
}

TEST(MappedFile, IsTheFileAndWhatIsWrittenIsNot) {
  const TemporaryFolder folder;
  const std::string path = folder / "a", text(100000, 'x');
  write_whole_file(path, text);
  const std::shared_ptr<void> memory = map_whole(path, text.size());
  ASSERT_NE(memory, nullptr);
  auto* letters = static_cast<char*>(memory.get());
  EXPECT_EQ(std::string(letters, text.size()), text);
  letters[5] = 'y';
  EXPECT_EQ(read_whole_file(path), text);
}

TEST(MappedFile, IsRefusedWhereThereIsNone) {
  EXPECT_EQ(map_file(-1, 0, 4096, "none"), nullptr);
}

// The first line that a program reads of a file somebody has cut off.
void read_what_is_gone(const std::string& path) {
  name_cut_files();
  const std::shared_ptr<void> other = map_whole(path, 4096);
  const std::shared_ptr<void> memory = map_whole(path, 100000);
  std::filesystem::resize_file(path, 8192);
  const volatile char* letters = static_cast<char*>(memory.get());
  if (letters[4000] != 'x') _exit(3);
  _exit(letters[90000] == 'x' ? 4 : 5);
}

TEST(MappedFileDeathTest, ProgramThatReadsACutFileNamesIt) {
  const TemporaryFolder folder;
  const std::string path = folder / "cut.safetensors";
  write_whole_file(path, std::string(100000, 'x'));
  EXPECT_EXIT(read_what_is_gone(path), testing::ExitedWithCode(1),
              "treino: .*cut.safetensors: was cut off, .*--resume");
}

TEST(MappedFileDeathTest, AnotherBusErrorStaysOne) {
  EXPECT_EXIT(
      {
        name_cut_files();
        raise(SIGBUS);
        _exit(0);
      },
      testing::KilledBySignal(SIGBUS), "");
}

}  // namespace
}  // namespace treino
