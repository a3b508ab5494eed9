// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string>

#include "tests/support/temporary_folder.h"

namespace treino::test {

// A folder that looks like /proc to the code under test, whose processes tests make, change and
// end.
class FakeProc {
 public:
  struct Process {
    int pid = 1, parent = 0;
    long start = 100;  // ticks since boot
    std::string name = "work";
    long user = 0, child_user = 0;                  // ticks of 10 ms
    long threads = 1, resident = 100, shared = 10;  // pages
    char state = 'S';
    int exit_signal = 17;
  };

  void set(const Process& p) {
    folder_.write(
        fmt::format("proc/{}/stat", p.pid),
        fmt::format("{} ({}) {} {} 1 1 0 -1 4194304 0 0 0 0 {} 0 {} 0 20 0 {} 0 {} 1000 {} "
                    "0 0 0 0 0 0 0 0 0 0 0 0 0 {} 0 0 0 0 0\n",
                    p.pid, p.name, p.state, p.parent, p.user, p.child_user, p.threads, p.start,
                    p.resident, p.exit_signal));
    folder_.write(fmt::format("proc/{}/statm", p.pid),
                  fmt::format("1000 {} {} 1 0 100 0\n", p.resident, p.shared));
  }
  void write(const std::string& path, const std::string& text) {
    folder_.write("proc/" + path, text);
  }
  void end(int pid) { std::filesystem::remove_all(root() + "/proc/" + std::to_string(pid)); }
  const std::string& root() const { return folder_.path(); }

 private:
  // In memory where that can be had: thousands of small files take a disk seconds.
  TemporaryFolder folder_{::access("/dev/shm", W_OK) == 0 ? std::filesystem::path("/dev/shm")
                                                          : std::filesystem::temp_directory_path()};
};

}  // namespace treino::test
