// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace treino::monitor {

namespace {

// Takes the next number of a line of numbers; false at its end or at something else.
template <typename T>
bool take(std::string_view& text, T& value) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return false;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + begin, end, value);
  if (error != std::errc()) return false;
  text = std::string_view(rest, static_cast<std::size_t>(end - rest));
  return true;
}

bool skip(std::string_view& text, int fields) {
  for (int i = 0; i < fields; ++i) {
    const std::size_t begin = text.find_first_not_of(' ');
    if (begin == text.npos) return false;
    const std::size_t end = text.find(' ', begin);
    text = end == text.npos ? std::string_view() : text.substr(end);
  }
  return true;
}

// Ascending.
std::vector<pid_t> numbers_in(const std::string& path) {
  std::vector<pid_t> numbers;
  DIR* folder = ::opendir(path.c_str());
  if (folder == nullptr) return numbers;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string_view name = entry->d_name;
    pid_t number = 0;
    const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc() && rest == name.data() + name.size()) numbers.push_back(number);
  }
  ::closedir(folder);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace

std::optional<Stat> parse_stat(std::string_view text) {
  const std::size_t open = text.find('('), close = text.rfind(')');
  if (open == text.npos || close == text.npos || close < open) return std::nullopt;
  Stat stat;
  std::string_view before = text.substr(0, open), rest = text.substr(close + 1);
  stat.name = text.substr(open + 1, close - open - 1);
  if (!take(before, stat.pid) || rest.size() < 3) return std::nullopt;
  stat.state = rest[1];
  rest.remove_prefix(2);
  // Fields by number (proc(5)): 4 ppid, 14 utime .. 17 cstime, 20 threads, 22 start, 38 exit
  // signal.
  const bool complete = take(rest, stat.parent) && skip(rest, 9) && take(rest, stat.user) &&
                        take(rest, stat.system) && take(rest, stat.child_user) &&
                        take(rest, stat.child_system) && skip(rest, 2) &&
                        take(rest, stat.threads) && skip(rest, 1) && take(rest, stat.start);
  if (!complete) return std::nullopt;
  if (!skip(rest, 15) || !take(rest, stat.exit_signal)) stat.exit_signal = 17;
  return stat;
}

std::optional<Statm> parse_statm(std::string_view text) {
  std::int64_t size = 0, resident = 0, shared = 0;
  if (!take(text, size) || !take(text, resident) || !take(text, shared)) return std::nullopt;
  return Statm{resident * page_bytes(), shared * page_bytes()};
}

std::optional<std::int64_t> number_after(std::string_view text, std::string_view key) {
  for (std::size_t at = text.find(key); at != text.npos; at = text.find(key, at + 1)) {
    if (at != 0 && text[at - 1] != '\n') continue;
    std::string_view rest = text.substr(at + key.size());
    std::int64_t value = 0;
    if (take(rest, value)) return value;
    return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::string_view> ProcReader::read(int fd) {
  constexpr std::size_t kPage = 4096;
  std::size_t size = 0;
  while (true) {
    if (buffer_.size() < size + kPage) buffer_.resize(2 * buffer_.size());
    const ssize_t got =
        ::pread(fd, buffer_.data() + size, buffer_.size() - size, static_cast<off_t>(size));
    if (got < 0) {
      if (errno == EINTR) continue;
      error_ = errno;
      return std::nullopt;
    }
    size += static_cast<std::size_t>(got);
    // The kernel hands out at most a page of whole records a call, whatever room there is: one that
    // gives less than half of that was the last, and a further call to see the end is saved.
    if (static_cast<std::size_t>(got) < kPage / 2) return std::string_view(buffer_.data(), size);
  }
}

std::optional<std::string_view> ProcReader::read(const std::string& path) {
  const Descriptor file = open_read(path);
  if (!file) {
    error_ = errno;
    return std::nullopt;
  }
  return read(file.get());
}

Descriptor open_read(const std::string& path) {
  return Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

std::vector<pid_t> list_pids(const std::string& root) {
  return numbers_in(root + "/proc");
}

pid_t living_thread(ProcReader& reader, const std::string& root, pid_t pid) {
  const auto text = reader.read(fmt::format("{}/proc/{}/stat", root, pid));
  const auto stat = text ? parse_stat(*text) : std::nullopt;
  if (!stat || stat->threads <= 1) return 0;  // a zombie counts its main thread
  for (const pid_t thread : numbers_in(fmt::format("{}/proc/{}/task", root, pid))) {
    if (thread == pid) continue;
    const auto memory = reader.read(fmt::format("{}/proc/{}/statm", root, thread));
    const auto statm = memory ? parse_statm(*memory) : std::nullopt;
    if (statm && statm->resident > 0) return thread;
  }
  return 0;
}

double seconds_per_tick() {
  static const double seconds = 1.0 / static_cast<double>(::sysconf(_SC_CLK_TCK));
  return seconds;
}

std::int64_t page_bytes() {
  static const std::int64_t bytes = ::sysconf(_SC_PAGESIZE);
  return bytes;
}

std::optional<double> process_clock(pid_t pid) {
  // As clock_getcpuclockid() makes it, without its extra system call: CPUCLOCK_SCHED of the
  // process.
  const auto clock = static_cast<clockid_t>((~static_cast<unsigned>(pid) << 3) | 2u);
  timespec time{};
  if (::clock_gettime(clock, &time) != 0) return std::nullopt;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace treino::monitor
