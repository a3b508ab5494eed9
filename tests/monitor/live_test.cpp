// SPDX-License-Identifier: Apache-2.0
// The full-screen view of the real program on a pseudo-terminal: what it writes, and how it leaves
// the terminal behind.
#include <gmock/gmock.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace treino::monitor {
namespace {

using testing::HasSubstr;

const char* const kEnter = "\x1b[?1049h";  // to the alternate screen and back
const char* const kLeave = "\x1b[?1049l";

class LiveTest : public testing::Test {
 protected:
  void run(std::vector<std::string> arguments, const char* term = "xterm-256color") {
    arguments.insert(arguments.begin(), {TREINO_BINARY, "monitor", "--live"});
    winsize size{.ws_row = 30, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
    int theirs = -1;
    ASSERT_EQ(openpty(&terminal_, &theirs, nullptr, nullptr, &size), 0);
    tcgetattr(theirs, &before_);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = fork();
    ASSERT_GE(pid_, 0);
    if (pid_ == 0) {
      setenv("TERM", term, 1);
      setenv("LC_ALL", "C.UTF-8", 1);
      unsetenv("NO_COLOR");
      login_tty(theirs);
      execv(argv[0], argv.data());
      _exit(99);
    }
    close(theirs);
  }

  // Reads what is written until `marker` has come (after what earlier calls waited for); false when
  // the program ends without.
  bool wait_for(const std::string& marker) {
    while (true) {
      const std::size_t at = seen_.find(marker, looked_);
      if (at != std::string::npos) {
        looked_ = at + marker.size();
        return true;
      }
      if (!read_more()) return false;
    }
  }
  void type(const std::string& keys) {
    ASSERT_EQ(write(terminal_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  int exit_code() {
    while (read_more()) {
    }
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  void expect_terminal_as_before() {
    termios now{};
    // Of the side the program had: ours has no settings of its own.
    ASSERT_EQ(tcgetattr(terminal_, &now), 0);
    EXPECT_EQ(now.c_lflag, before_.c_lflag);
    EXPECT_EQ(now.c_iflag, before_.c_iflag);
    EXPECT_EQ(now.c_oflag, before_.c_oflag);
    EXPECT_NE(seen_.rfind(kLeave), std::string::npos);
    EXPECT_GT(seen_.rfind(kLeave), seen_.rfind(kEnter));
    EXPECT_GT(seen_.rfind("\x1b[?25h"), seen_.rfind("\x1b[?25l"));  // the cursor is back
  }
  void TearDown() override {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    if (terminal_ >= 0) close(terminal_);
  }

  pid_t pid_ = -1;
  int terminal_ = -1;
  std::string seen_;
  std::size_t looked_ = 0;
  termios before_{};

 private:
  bool read_more() {
    char buffer[4096];
    const ssize_t got = read(terminal_, buffer, sizeof buffer);
    if (got <= 0) return false;  // EIO: nobody has the other side any more
    seen_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }
};

TEST_F(LiveTest, q_leaves_the_view_and_the_command_goes_on) {
  const test::TemporaryFolder folder;
  const std::string go = folder / "go";
  ASSERT_EQ(mkfifo(go.c_str(), 0600), 0);
  run({"--", "sh", "-c", "echo first; read word < " + go + "; echo second $word; exit 7"});
  ASSERT_TRUE(wait_for(kEnter));
  ASSERT_TRUE(wait_for("q leave"));
  type("q");
  ASSERT_TRUE(wait_for(kLeave));
  ASSERT_TRUE(wait_for("first"));  // what it wrote meanwhile
  FILE* fifo = fopen(go.c_str(), "w");
  fputs("after\n", fifo);
  fclose(fifo);
  ASSERT_TRUE(wait_for("second after"));
  EXPECT_EQ(exit_code(), 7);
  EXPECT_THAT(seen_, HasSubstr("cpu_s"));  // the summary
  expect_terminal_as_before();
}

TEST_F(LiveTest, ctrl_c_ends_command_and_view) {
  run({"--", "sleep", "1000"});
  ASSERT_TRUE(wait_for("q leave"));
  type("\x03");
  EXPECT_EQ(exit_code(), 130);
  expect_terminal_as_before();
}

TEST_F(LiveTest, sigterm_leaves_the_terminal_clean) {
  run({"--", "sleep", "1000"});
  ASSERT_TRUE(wait_for("q leave"));
  kill(pid_, SIGTERM);
  EXPECT_EQ(exit_code(), 143);
  expect_terminal_as_before();
}

TEST_F(LiveTest, a_command_that_crashes_leaves_the_terminal_clean) {
  run({"--", "sh", "-c", "echo words; kill -SEGV $$"});
  EXPECT_EQ(exit_code(), 139);
  EXPECT_THAT(seen_, HasSubstr("words"));
  expect_terminal_as_before();
}

TEST_F(LiveTest, a_crash_of_the_monitor_itself_gives_the_terminal_back) {
  run({"--", "sleep", "1000"});
  ASSERT_TRUE(wait_for("q leave"));
  kill(pid_, SIGSEGV);
  EXPECT_EQ(exit_code(), 128 + SIGSEGV);
  expect_terminal_as_before();
}

TEST_F(LiveTest, follows_the_size_of_the_window) {
  run({"--", "sleep", "1000"});
  ASSERT_TRUE(wait_for("Ctrl-C end it"));
  // Too small for anything, then wide again.
  winsize size{.ws_row = 6, .ws_col = 20, .ws_xpixel = 0, .ws_ypixel = 0};
  ASSERT_EQ(ioctl(terminal_, TIOCSWINSZ, &size), 0);
  ASSERT_TRUE(wait_for("too small"));
  size = {.ws_row = 50, .ws_col = 160, .ws_xpixel = 0, .ws_ypixel = 0};
  ASSERT_EQ(ioctl(terminal_, TIOCSWINSZ, &size), 0);
  ASSERT_TRUE(wait_for("Ctrl-C end it"));
  type("\x03");
  EXPECT_EQ(exit_code(), 130);
  expect_terminal_as_before();
}

TEST_F(LiveTest, keys_pause_and_sort) {
  run({"--", "sleep", "1000"});
  ASSERT_TRUE(wait_for("running"));
  type("c");
  type("p");
  ASSERT_TRUE(wait_for("paused"));
  type("p");
  type("\x03");
  EXPECT_EQ(exit_code(), 130);
}

TEST_F(LiveTest, q_ends_the_watch_of_a_process_that_ran_before) {
  run({"--pid", std::to_string(getpid())});
  ASSERT_TRUE(wait_for("q quit"));
  type("q");
  EXPECT_EQ(exit_code(), 0);
  expect_terminal_as_before();
}

TEST_F(LiveTest, a_command_that_is_not_there_is_told_on_the_normal_screen) {
  run({"--", "/no/such/command"});
  EXPECT_EQ(exit_code(), 127);
  EXPECT_GT(seen_.rfind("/no/such/command: No such file"), seen_.rfind(kLeave));
}

TEST_F(LiveTest, a_terminal_that_cannot_is_a_mistake) {
  run({"--", "true"}, "dumb");
  EXPECT_EQ(exit_code(), 2);
  EXPECT_THAT(seen_, HasSubstr("\"dumb\" (TERM) has no full-screen mode"));
}

}  // namespace
}  // namespace treino::monitor
