// SPDX-License-Identifier: Apache-2.0
// The files of /proc that are read at every tick: open once, read in place, parsed without
// allocating.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "treino/monitor/descriptor.h"

namespace treino::monitor {

// From /proc/pid/stat. Times in clock ticks, as the kernel prints them.
struct Stat {
  pid_t pid = 0, parent = 0;
  std::string_view name;  // into the text it was parsed from
  char state = '?';
  std::uint64_t user = 0, system = 0;              // own
  std::uint64_t child_user = 0, child_system = 0;  // of children waited for, and theirs
  std::int64_t threads = 0;
  std::uint64_t start = 0;
  int exit_signal = 0;  // -1: a thread, not a process
};

// The name may hold anything, ')' and newlines too: it ends at the LAST ')'.
std::optional<Stat> parse_stat(std::string_view text);

// Bytes of the process's resident pages, and of those that are files or shared memory.
struct Statm {
  std::int64_t resident = 0, shared = 0;
};
std::optional<Statm> parse_statm(std::string_view text);

// The number after `key` ("VmHWM:", "usage_usec ") at the start of a line.
std::optional<std::int64_t> number_after(std::string_view text, std::string_view key);

// All of an open /proc or cgroup file from its beginning, into a buffer that is reused. -errno on
// failure.
class ProcReader {
 public:
  // The text is valid until the next read.
  std::optional<std::string_view> read(int fd);
  std::optional<std::string_view> read(const std::string& path);  // opens and closes it
  int error() const { return error_; }  // errno of the last read that gave nothing

 private:
  std::vector<char> buffer_ = std::vector<char>(4096);
  int error_ = 0;
};

Descriptor open_read(const std::string& path);

// Every number that names a folder of `root`/proc, ascending.
std::vector<pid_t> list_pids(const std::string& root);

// A thread that lives of a process whose main thread has ended, or 0. Such a process goes on, but
// its own files of memory are empty; those of the thread hold what is its own.
pid_t living_thread(ProcReader& reader, const std::string& root, pid_t pid);

double seconds_per_tick();  // of Stat's times
std::int64_t page_bytes();

// CPU seconds (nanosecond counter) of all threads of a process, ended ones too, or nothing when it
// is gone. Only for pids of our own namespace.
std::optional<double> process_clock(pid_t pid);

}  // namespace treino::monitor
