// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/line_sink.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "treino/base/error.h"

namespace treino::monitor {

namespace {

Error cannot(const std::string& name) {
  return Error::work(fmt::format("{}: cannot be written: {}", name, std::strerror(errno)));
}

}  // namespace

LineSink::LineSink(const std::string& path) : name_(path) {
  if (path == "-") {
    fd_ = STDOUT_FILENO;
    name_ = "standard output";
    return;
  }
  file_ = Descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file_) throw cannot(path);
  fd_ = file_.get();
}

void LineSink::write(std::string_view lines) {
  while (!lines.empty()) {
    const ssize_t written = ::write(fd_, lines.data(), lines.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw cannot(name_);
    lines.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace treino::monitor
