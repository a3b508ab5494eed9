// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/event_source.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "treino/base/error.h"

namespace treino::monitor {

namespace {

constexpr std::size_t kMostConnections = 32;
constexpr std::size_t kLongestLine = 1 << 20;
constexpr std::size_t kMostATurn = 32 << 10;  // bytes of a connection: a millisecond's work

Error cannot(const std::string& path) {
  return Error::work(fmt::format("{}: no event socket: {}", path, std::strerror(errno)));
}

}  // namespace

EventSource::EventSource() {
  const char* place = std::getenv("TMPDIR");
  folder_ =
      fmt::format("{}/treino-events-XXXXXX", place != nullptr && *place != '\0' ? place : "/tmp");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // A socket's path is short by law of the kernel; a long TMPDIR does not fit.
  if (folder_.size() + 2 >= sizeof address.sun_path) folder_ = "/tmp/treino-events-XXXXXX";
  if (::mkdtemp(folder_.data()) == nullptr) throw cannot(folder_);
  path_ = folder_ + "/e";
  std::memcpy(address.sun_path, path_.c_str(), path_.size());
  listener_ = Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener_ ||
      ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_.get(), 16) != 0) {
    const Error error = cannot(path_);
    ::rmdir(folder_.c_str());
    throw error;
  }
}

EventSource::~EventSource() {
  ::unlink(path_.c_str());
  ::rmdir(folder_.c_str());
}

void EventSource::add_files(std::vector<pollfd>& files) const {
  if (connections_.size() < kMostConnections) files.push_back({listener_.get(), POLLIN, 0});
  for (const Connection& connection : connections_) {
    files.push_back({connection.file.get(), POLLIN, 0});
  }
}

std::vector<Event> EventSource::take() {
  while (connections_.size() < kMostConnections) {
    Descriptor file(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!file) break;
    connections_.push_back({std::move(file), {}, false});
  }
  std::vector<Event> events;
  more_ = false;
  for (Connection& connection : connections_) read(connection, events);
  std::erase_if(connections_, [](const Connection& connection) { return connection.ended; });
  return events;
}

void EventSource::read(Connection& connection, std::vector<Event>& events) {
  char buffer[8192];
  ssize_t got = 0;
  std::size_t taken = 0;
  while ((got = ::read(connection.file.get(), buffer, sizeof buffer)) > 0) {
    taken += static_cast<std::size_t>(got);
    connection.rest.append(buffer, static_cast<std::size_t>(got));
    std::size_t begin = 0;
    for (std::size_t end; (end = connection.rest.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
      const std::string_view line(connection.rest.data() + begin, end - begin);
      if (line.empty()) continue;
      try {
        events.push_back(Event::parse(line, "event socket"));
      } catch (const Error& error) {
        if (refused_++ == 0) first_refusal_ = error.what();
      }
    }
    connection.rest.erase(0, begin);
    if (connection.rest.size() > kLongestLine) {
      if (refused_++ == 0) first_refusal_ = "event socket: a line of more than 1 MiB";
      connection.ended = true;
      return;
    }
    if (taken >= kMostATurn) {
      more_ = true;
      return;
    }
  }
  connection.ended = got == 0 || (errno != EAGAIN && errno != EINTR);
}

}  // namespace treino::monitor
