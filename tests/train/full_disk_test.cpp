// SPDX-License-Identifier: Apache-2.0
// A disk that fills up in the middle of a training. RLIMIT_FSIZE makes any write beyond a size
// fail; where a tmpfs may be mounted, a really full one is used too.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "tests/train/support.h"
#include "treino/base/file.h"

namespace treino::train::test {
namespace {

using testing::HasSubstr;
using treino::test::error_of;
using treino::test::TemporaryFolder;

// No file may grow beyond so many bytes while it lives; writes fail with EFBIG.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(std::size_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
};

// Lets nothing more be written once an epoch is done.
class LimitAfterEpoch final : public Observer {
 public:
  LimitAfterEpoch(std::int64_t epoch, std::size_t bytes) : epoch_(epoch), bytes_(bytes) {}
  void epoch_done(const EpochResult& result) override {
    if (result.epoch == epoch_) limit_.emplace(bytes_);
  }
  void note(const std::string& line) override { notes.push_back(line); }
  std::vector<std::string> notes;

 private:
  std::int64_t epoch_;
  std::size_t bytes_;
  std::optional<FileSizeLimit> limit_;
};

void expect_no_partial_files(const std::string& folder) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    EXPECT_EQ(entry.path().string().find(".part-"), std::string::npos) << entry.path();
}

// After the failure the checkpoint is the last whole one, and training goes on to the same end.
void expect_recovery(const std::string& recipe, const std::string& folder,
                     const std::string& clean) {
  expect_no_partial_files(folder);
  Settings settings;
  settings.resume = true;
  train(recipe, folder, settings);
  EXPECT_TRUE(state_of(folder) == state_of(clean));
  EXPECT_EQ(epochs_of(folder), epochs_of(clean));
}

TEST(FullDisk, InACheckpoint) {
  const TemporaryFolder folder;
  train(kDense, folder / "clean");
  {
    LimitAfterEpoch observer(2, 1500);
    Settings settings;
    settings.observer = &observer;
    const std::string line =
        error_of([&] { train(kDense, folder / "run", settings); }, Fault::work);
    EXPECT_THAT(line, HasSubstr("state.safetensors: cannot be written: "));
  }
  expect_recovery(kDense, folder / "run", folder / "clean");
}

// Events are of less worth than the training: it goes on, with one line of warning.
TEST(FullDisk, InTheEvents) {
  const TemporaryFolder folder;
  train(kDense, folder / "clean");
  const std::size_t checkpoint =
      std::filesystem::file_size(folder / "clean/checkpoint/state.safetensors");
  // Room for checkpoints but not for events: they are made longer than those by what stands before.
  const std::string events = folder / "copy.jsonl";
  std::ofstream(events) << std::string(4 * checkpoint, ' ') << "\n";
  std::vector<std::string> notes;
  {
    LimitAfterEpoch observer(2, 2 * checkpoint);
    Settings settings;
    settings.observer = &observer;
    settings.events = events;
    train(kDense, folder / "run", settings);
    notes = observer.notes;
  }
  EXPECT_THAT(notes,
              testing::ElementsAre(HasSubstr("copy.jsonl: no more events are written there")));
  EXPECT_TRUE(state_of(folder / "run") == state_of(folder / "clean"));
  EXPECT_EQ(epochs_of(folder / "run"), epochs_of(folder / "clean"));
}

// The run's own events cut off in the middle of a line: a resumed run puts them right.
TEST(FullDisk, InTheRunsOwnEvents) {
  const TemporaryFolder folder;
  train(kDense, folder / "clean");
  const std::string events = folder / "run/events.jsonl";
  {
    class : public Observer {
     public:
      std::string events;
      std::optional<FileSizeLimit> limit;
      void epoch_done(const EpochResult& result) override {
        if (result.epoch == 2) limit.emplace(std::filesystem::file_size(events) + 30);
      }
    } cut;
    cut.events = events;
    Settings settings;
    settings.observer = &cut;
    error_of([&] { train(kDense, folder / "run", settings); },
             Fault::work);  // the checkpoint does not fit
  }
  EXPECT_EQ(read_whole_file(events).back() == '\n', false) << "the last line is cut in the middle";
  EXPECT_EQ(count(events_of(folder / "run"), "epoch_stop"), 2U);
  expect_recovery(kDense, folder / "run", folder / "clean");
}

// A file system that is full, as one is: a tmpfs of 256 KiB and a file that fills it.
class FullFileSystem {
 public:
  FullFileSystem() {
    mounted_ = ::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=256k") == 0;
  }
  ~FullFileSystem() {
    if (mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  std::string operator/(const std::string& name) const { return folder_ / name; }
  void fill() const {
    std::FILE* file = std::fopen((folder_ / "filler").c_str(), "wb");
    const std::string page(4096, 'x');
    std::setbuf(file, nullptr);
    while (std::fwrite(page.data(), 1, page.size(), file) == page.size()) {
    }
    std::fclose(file);
  }
  void clear() const { std::filesystem::remove(folder_ / "filler"); }

 private:
  TemporaryFolder folder_;
  bool mounted_ = false;
};

TEST(FullDisk, ARealOne) {
  const FullFileSystem disk;
  if (!disk.mounted()) GTEST_SKIP() << "a tmpfs may not be mounted here";
  const TemporaryFolder folder;
  train(kDense, folder / "clean");
  class Filler final : public Observer {
   public:
    explicit Filler(const FullFileSystem& disk) : disk_(disk) {}
    void epoch_done(const EpochResult& result) override {
      if (result.epoch == 2) disk_.fill();
    }

   private:
    const FullFileSystem& disk_;
  } filler(disk);
  Settings settings;
  settings.observer = &filler;
  const std::string line = error_of([&] { train(kDense, disk / "run", settings); }, Fault::work);
  EXPECT_THAT(line, testing::AllOf(HasSubstr("state.safetensors: cannot be written: "),
                                   HasSubstr("; free some space or choose another folder")));
  disk.clear();
  expect_recovery(kDense, disk / "run", folder / "clean");
}

}  // namespace
}  // namespace treino::train::test
