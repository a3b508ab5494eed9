// SPDX-License-Identifier: Apache-2.0
#include "treino/base/file_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace treino {
namespace {

using testing::HasSubstr;

TEST(FileLock, OneHasIt) {
  const test::TemporaryFolder folder;
  FileLock first(folder / "lock"), second(folder / "lock");
  EXPECT_TRUE(first.try_take());
  EXPECT_FALSE(second.try_take());
  FileLock other(folder / "other");
  EXPECT_TRUE(other.try_take());
}

TEST(FileLock, TheNextOneWaits) {
  const test::TemporaryFolder folder;
  std::atomic<bool> released = false;
  std::thread waiting;
  {
    FileLock first(folder / "lock");
    first.take();
    waiting = std::thread([&] {
      FileLock second(folder / "lock");
      second.take();
      EXPECT_TRUE(released);
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    released = true;
  }
  waiting.join();
}

TEST(FileLock, ADeadProcessHoldsNothing) {
  const test::TemporaryFolder folder;
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    FileLock held(folder / "lock");
    held.take();
    if (write(pipe_ends[1], "x", 1) != 1) _exit(1);
    for (;;) pause();
  }
  char byte = 0;
  ASSERT_EQ(read(pipe_ends[0], &byte, 1), 1);
  FileLock lock(folder / "lock");
  EXPECT_FALSE(lock.try_take());
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(lock.try_take());
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

TEST(FileLock, APlaceThatIsNotThere) {
  EXPECT_THAT(test::error_of([] { FileLock("/proc/nowhere/lock"); }, Fault::work),
              HasSubstr("/proc/nowhere/lock: cannot be opened: "));
}

}  // namespace
}  // namespace treino
