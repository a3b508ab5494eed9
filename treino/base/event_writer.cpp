// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "treino/base/error.h"
#include "treino/base/event.h"
#include "treino/base/file.h"

namespace treino {

struct EventWriter::Sink {
  std::string name;
  int descriptor = -1;
  bool owned = false;
  bool broken = false;
  std::int64_t bytes = 0;

  ~Sink() {
    if (owned && descriptor >= 0) ::close(descriptor);
  }
};

namespace {

// A reader that has gone makes write() raise SIGPIPE, which would kill the training: held back here
// for this thread and taken from the queue.
class NoPipeSignal {
 public:
  NoPipeSignal() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoPipeSignal() {
    const timespec now{};
    if (!was_pending_) {
      while (sigtimedwait(&pipe_, nullptr, &now) == -1 && errno == EINTR) {
      }
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_{}, before_{};
  bool was_pending_ = false;
};

int open_file(const std::string& path, int flags) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666);
  if (file < 0)
    throw Error::work(fmt::format("{}: events cannot be written: {}", path, std::strerror(errno)));
  return file;
}

int connect_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    throw Error::mistake(fmt::format("unix:{}: a socket's path has at most {} bytes", path,
                                     sizeof address.sun_path - 1));
  }
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const int file = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (file < 0 ||
      ::connect(file, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int code = errno;
    if (file >= 0) ::close(file);
    throw Error::work(fmt::format("unix:{}: events cannot be sent: {}", path, std::strerror(code)));
  }
  return file;
}

}  // namespace

EventWriter::EventWriter() = default;
EventWriter::~EventWriter() = default;

void EventWriter::add(const std::string& address) {
  auto sink = std::make_unique<Sink>();
  sink->name = address;
  if (address.empty())
    throw Error::mistake("an events file needs a name (or - for standard output)");
  if (address == "-") {
    sink->descriptor = STDOUT_FILENO;
  } else if (address.rfind("fd:", 0) == 0) {
    const char* end = address.data() + address.size();
    const auto [rest, error] = std::from_chars(address.data() + 3, end, sink->descriptor);
    if (error != std::errc() || rest != end || sink->descriptor < 0) {
      throw Error::mistake(
          fmt::format("{}: wanted is fd: and the number of an open descriptor", address));
    }
    if (::fcntl(sink->descriptor, F_GETFD) < 0)
      throw Error::mistake(fmt::format("{}: is not open", address));
  } else if (address.rfind("unix:", 0) == 0) {
    sink->descriptor = connect_socket(address.substr(5));
    sink->owned = true;
  } else {
    sink->descriptor = open_file(address, O_APPEND);
    sink->owned = true;
  }
  sinks_.push_back(std::move(sink));
}

void EventWriter::add_from_environment() {
  const char* address = std::getenv("TREINO_EVENTS");
  if (address != nullptr && *address != '\0') add(address);
}

void EventWriter::add_run_file(const std::string& path) {
  auto sink = std::make_unique<Sink>();
  sink->name = path;
  sink->descriptor = open_file(path, O_TRUNC);
  sink->owned = true;
  run_file_ = sink.get();
  sinks_.push_back(std::move(sink));
  for (const std::string& line : history_) send(*run_file_, line);
  history_.clear();
}

void EventWriter::continue_run_file(const std::string& path, std::int64_t keep) {
  const std::string contents = read_whole_file(path);
  std::size_t bytes =
      std::min(contents.size(), static_cast<std::size_t>(std::max<std::int64_t>(keep, 0)));
  while (bytes > 0 && contents[bytes - 1] != '\n') --bytes;
  auto sink = std::make_unique<Sink>();
  sink->name = path;
  sink->descriptor = open_file(path, O_APPEND);
  sink->owned = true;
  if (::ftruncate(sink->descriptor, static_cast<off_t>(bytes)) != 0) {
    throw Error::work(fmt::format("{}: cannot be cut: {}", path, std::strerror(errno)));
  }
  sink->bytes = static_cast<std::int64_t>(bytes);
  run_file_ = sink.get();
  sinks_.push_back(std::move(sink));
  history_.clear();
}

std::int64_t EventWriter::run_file_bytes() const {
  return run_file_ == nullptr ? 0 : run_file_->bytes;
}

void EventWriter::send(Sink& sink, std::string_view line) {
  if (sink.broken) return;
  const NoPipeSignal guard;
  while (!line.empty()) {
    const ssize_t written = ::write(sink.descriptor, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      warnings_.push_back(
          fmt::format("{}: no more events are written there: {}", sink.name, std::strerror(errno)));
      sink.broken = true;
      return;
    }
    line.remove_prefix(static_cast<std::size_t>(written));
    sink.bytes += written;
  }
}

void EventWriter::write(const Event& event) {
  const std::string line = event.line() + "\n";
  for (const auto& sink : sinks_) send(*sink, line);
  if (run_file_ == nullptr) history_.push_back(line);
}

void EventWriter::pass_on(std::string_view line) {
  const std::string whole = std::string(line) + "\n";
  for (const auto& sink : sinks_) send(*sink, whole);
}

std::vector<std::string> EventWriter::take_warnings() {
  return std::exchange(warnings_, {});
}

}  // namespace treino
