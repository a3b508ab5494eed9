// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/held_output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "treino/base/error.h"
#include "treino/monitor/log_profile.h"

namespace treino::monitor {

HeldOutput::HeldOutput()
    : out_held_(isatty(STDOUT_FILENO) == 1), err_held_(isatty(STDERR_FILENO) == 1) {
  if (!out_held_ && !err_held_) return;
  const char* folder = std::getenv("TMPDIR");
  std::string path = fmt::format("{}/treino-output-XXXXXX", folder != nullptr ? folder : "/tmp");
  // Both streams end in one file, so that their lines keep their order.
  file_ = Descriptor(mkostemp(path.data(), O_APPEND | O_CLOEXEC));
  if (!file_) {
    throw Error::work(fmt::format("--live: no temporary file for the command's output: {}: {}",
                                  path, std::strerror(errno)));
  }
  unlink(path.c_str());
}

std::vector<std::string> HeldOutput::last_lines(std::size_t most) const {
  constexpr std::int64_t kTail = 16384;
  struct stat status {};
  if (!file_ || fstat(file_.get(), &status) != 0 || status.st_size == 0) return {};
  const std::int64_t begin = std::max<std::int64_t>(status.st_size - kTail, 0);
  std::string text(static_cast<std::size_t>(status.st_size - begin), '\0');
  const ssize_t got = pread(file_.get(), text.data(), text.size(), begin);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  LineCutter cutter;
  std::vector<std::string> lines = cutter.add(text);
  if (std::string rest = cutter.rest(); !rest.empty()) lines.push_back(std::move(rest));
  std::erase_if(lines, [](const std::string& line) { return line.empty(); });
  if (lines.size() > most)
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(most));
  return lines;
}

void HeldOutput::release() {
  const std::lock_guard lock(mutex_);
  if (!file_) return;
  const int terminal = out_held_ ? STDOUT_FILENO : STDERR_FILENO;
  char buffer[16384];
  while (true) {
    const ssize_t got = pread(file_.get(), buffer, sizeof buffer, released_);
    if (got <= 0) return;
    for (ssize_t done = 0; done < got;) {
      const ssize_t written = write(terminal, buffer + done, static_cast<std::size_t>(got - done));
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return;  // the terminal is gone
      done += written;
    }
    released_ += got;
  }
}

}  // namespace treino::monitor
