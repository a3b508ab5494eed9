// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/log_tap.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "treino/base/error.h"

namespace treino::monitor {

namespace {

void pass_on(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(fd, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // who listened has gone; the command is none the worse for it
    data += written;
    size -= static_cast<std::size_t>(written);
  }
}

void append(std::vector<Event>& all, std::vector<Event> more) {
  for (Event& event : more) all.push_back(std::move(event));
}

}  // namespace

LogTap::LogTap(LogProfile profile, int out_fd, int err_fd) : profile_(std::move(profile)) {
  streams_[0].to = out_fd;
  streams_[1].to = err_fd;
  for (Stream& stream : streams_) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
      throw Error::work(std::string("no pipe for the command's output: ") + std::strerror(errno));
    }
    stream.reader = Descriptor(ends[0]);
    stream.writer = Descriptor(ends[1]);
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  }
}

void LogTap::launched() {
  for (Stream& stream : streams_) stream.writer.reset();
}

void LogTap::add_files(std::vector<pollfd>& files) const {
  for (const Stream& stream : streams_) {
    if (!stream.ended) files.push_back({stream.reader.get(), POLLIN, 0});
  }
}

std::vector<Event> LogTap::take(double now) {
  std::vector<Event> events;
  char buffer[16384];
  for (Stream& stream : streams_) {
    while (!stream.ended) {
      const ssize_t got = ::read(stream.reader.get(), buffer, sizeof buffer);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) break;
      if (got <= 0) {
        stream.ended = true;
        break;
      }
      const auto size = static_cast<std::size_t>(got);
      pass_on(stream.to, buffer, size);
      for (const std::string& line : stream.cutter.add({buffer, size})) {
        append(events, profile_.read(line, now));
      }
    }
  }
  return events;
}

std::vector<Event> LogTap::finish(double now) {
  std::vector<Event> events = take(now);
  for (Stream& stream : streams_) append(events, profile_.read(stream.cutter.rest(), now));
  append(events, profile_.finish());
  return events;
}

}  // namespace treino::monitor
