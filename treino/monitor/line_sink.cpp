// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/line_sink.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "treino/base/error.h"

namespace treino::monitor {

namespace {

Error cannot(const std::string& name) {
  return Error::work(fmt::format("{}: cannot be written: {}", name, std::strerror(errno)));
}

bool has_reader(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return false;
  return S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) || ::isatty(fd) == 1;
}

}  // namespace

class LineSink::File {
 public:
  File(Descriptor owned, int fd, std::string name)
      : owned_(std::move(owned)), fd_(fd), name_(std::move(name)) {}

  int fd() const { return fd_; }
  const std::string& name() const { return name_; }

  void write(std::string_view lines) const {
    while (!lines.empty()) {
      const ssize_t written = ::write(fd_, lines.data(), lines.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0 && errno == EAGAIN) {  // somebody else made it non-blocking
        pollfd file{fd_, POLLOUT, 0};
        (void)::poll(&file, 1, -1);
        continue;
      }
      if (written < 0) throw cannot(name_);
      lines.remove_prefix(static_cast<std::size_t>(written));
    }
  }

 private:
  Descriptor owned_;
  int fd_;
  std::string name_;
};

LineSink::LineSink(const std::string& path) {
  if (path == "-") {
    *this = LineSink(STDOUT_FILENO, "standard output");
    return;
  }
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file) throw cannot(path);
  const int fd = file.get();
  *this = LineSink(std::make_shared<File>(std::move(file), fd, path));
}

LineSink::LineSink(int fd, const std::string& name)
    : LineSink(std::make_shared<File>(Descriptor(), fd, name)) {}

LineSink::LineSink(std::shared_ptr<File> file) : file_(std::move(file)) {
  if (!has_reader(file_->fd())) return;
  queue_ = std::make_unique<LineQueue>([to = file_](std::string_view lines) { to->write(lines); });
}

void LineSink::write(std::string_view lines) {
  if (queue_) {
    queue_->add(lines);
  } else {
    file_->write(lines);
  }
}

void LineSink::flush(const Patience& patience) {
  if (!queue_) return;
  queue_->flush(patience);
  const std::int64_t lost = queue_->dropped();
  if (lost == 0) return;
  throw Error::work(fmt::format("{}: {} line{} not written: nobody read them in time",
                                file_->name(), lost, lost == 1 ? " was" : "s were"));
}

}  // namespace treino::monitor
