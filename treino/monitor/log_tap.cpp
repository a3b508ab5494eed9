// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/log_tap.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <string_view>
#include <utility>

#include "treino/base/clock.h"
#include "treino/base/error.h"
#include "treino/monitor/descriptor.h"
#include "treino/monitor/thread_cpu.h"

namespace treino::monitor {

namespace {

constexpr std::size_t kMostEvents = 1000;  // not yet taken; then the command waits

struct Stream {
  const char* name = "";
  Descriptor reader, writer, to;
  LineCutter cutter;
  bool ended = false;
  std::int64_t got = 0, done = 0, wanted = 0;  // bytes read; passed on and read for events; drain()
  std::string warning;
  double cpu_s = 0;
};

void append(std::vector<Event>& all, std::vector<Event> more) {
  for (Event& event : more) all.push_back(std::move(event));
}

}  // namespace

struct LogTap::Shared {
  explicit Shared(LogProfile how) : profile(std::move(how)) {}

  std::mutex reading;  // of the profile and the cutters; first of the two
  LogProfile profile;
  mutable std::mutex mutex;  // of the rest: held for moments only, the sampler waits for it
  std::condition_variable taken;
  std::array<Stream, 2> streams;
  std::vector<Event> events;
  bool draining = false, over = false;
  Descriptor news{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  Descriptor stop{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};  // readable for ever when it is over

  // False: it is over.
  bool wait_for(int fd, short what) const {
    pollfd files[2] = {{fd, what, 0}, {stop.get(), POLLIN, 0}};
    while (::poll(files, 2, -1) < 0) {
    }
    return files[1].revents == 0;
  }

  // 0 or the errno of what could not be written.
  int pass_on(const Stream& stream, std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = ::write(stream.to.get(), bytes.data(), bytes.size());
      if (written >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno == EAGAIN) {  // non-blocking: its reader is slow
        if (!wait_for(stream.to.get(), POLLOUT)) return ECANCELED;
      } else if (errno != EINTR) {
        return errno;
      }
    }
    return 0;
  }

  std::vector<Event> events_in(Stream& stream, std::string_view bytes) {
    const double now = monotonic_seconds();
    std::vector<Event> found;
    const std::lock_guard lock(reading);
    for (const std::string& line : stream.cutter.add(bytes)) {
      append(found, profile.read(line, now));
    }
    return found;
  }

  void work(Stream& stream) {
    char buffer[16384];
    while (wait_for(stream.reader.get(), POLLIN)) {
      std::unique_lock lock(mutex);  // so that drain() sees what is here or what is still there
      const ssize_t got = ::read(stream.reader.get(), buffer, sizeof buffer);
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      stream.got += std::max<ssize_t>(got, 0);
      lock.unlock();
      const std::string_view bytes(buffer, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
      const int error = pass_on(stream, bytes);
      std::vector<Event> found = events_in(stream, bytes);
      lock.lock();
      append(events, std::move(found));
      stream.done += static_cast<std::int64_t>(bytes.size());
      stream.cpu_s = thread_cpu_s();
      stream.ended = got <= 0 || error != 0;
      if (error != 0) stream.warning = warning_of(stream, error);
      if (stream.ended || draining || !events.empty()) ::eventfd_write(news.get(), 1);
      if (stream.ended) break;
      taken.wait(lock, [this] { return over || events.size() < kMostEvents; });
    }
    // The command's next write fails, as it would have failed there.
    const std::lock_guard lock(mutex);
    stream.reader.reset();
  }

  static std::string warning_of(const Stream& stream, int error) {
    return fmt::format("the command's {} could not be passed on: {}", stream.name,
                       std::strerror(error));
  }
};

LogTap::LogTap(LogProfile profile, int out_fd, int err_fd)
    : shared_(std::make_shared<Shared>(std::move(profile))) {
  const int to[2] = {out_fd, err_fd};
  for (std::size_t i = 0; i < 2; ++i) {
    Stream& stream = shared_->streams[i];
    stream.name = i == 0 ? "standard output" : "standard error";
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
      throw Error::work(std::string("no pipe for the command's output: ") + std::strerror(errno));
    }
    stream.reader = Descriptor(ends[0]);
    stream.writer = Descriptor(ends[1]);
    stream.to = Descriptor(::fcntl(to[i], F_DUPFD_CLOEXEC, 0));  // a thread may outlive its owner
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  }
}

LogTap::~LogTap() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->over = true;
  }
  ::eventfd_write(shared_->stop.get(), 1);
  shared_->taken.notify_all();
}

int LogTap::out_for_command() const {
  return shared_->streams[0].writer.get();
}

int LogTap::err_for_command() const {
  return shared_->streams[1].writer.get();
}

void LogTap::launched() {
  for (std::size_t i = 0; i < 2; ++i) {
    Stream& stream = shared_->streams[i];
    stream.writer.reset();
    threads_[i].start([shared = shared_, &stream] { shared->work(stream); });
  }
}

void LogTap::add_files(std::vector<pollfd>& files) const {
  files.push_back({shared_->news.get(), POLLIN, 0});
}

std::vector<Event> LogTap::take() {
  eventfd_t ignored = 0;
  ::eventfd_read(shared_->news.get(), &ignored);
  std::vector<Event> events;
  {
    const std::lock_guard lock(shared_->mutex);
    events.swap(shared_->events);
  }
  shared_->taken.notify_all();
  return events;
}

void LogTap::drain() {
  const std::lock_guard lock(shared_->mutex);
  shared_->draining = true;
  for (Stream& stream : shared_->streams) {
    int waiting = 0;
    if (stream.reader) (void)::ioctl(stream.reader.get(), FIONREAD, &waiting);
    stream.wanted = stream.got + waiting;
  }
}

bool LogTap::drained() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->events.empty() && std::ranges::all_of(shared_->streams, [](const Stream& stream) {
           return stream.ended || stream.done >= stream.wanted;
         });
}

std::vector<Event> LogTap::finish() {
  std::vector<Event> events = take();
  const std::lock_guard lock(shared_->reading);
  const double now = monotonic_seconds();
  for (Stream& stream : shared_->streams) {
    append(events, shared_->profile.read(stream.cutter.rest(), now));
  }
  append(events, shared_->profile.finish());
  return events;
}

std::vector<std::string> LogTap::warnings() const {
  const std::lock_guard lock(shared_->mutex);
  std::vector<std::string> all;
  for (const Stream& stream : shared_->streams) {
    if (!stream.warning.empty()) {
      all.push_back(stream.warning);
    } else if (!stream.ended && stream.done < stream.wanted) {
      all.push_back(
          fmt::format("the command's last {} bytes of {} were not passed on: nobody read "
                      "them in time",
                      stream.wanted - stream.done, stream.name));
    }
  }
  return all;
}

double LogTap::cpu_s() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->streams[0].cpu_s + shared_->streams[1].cpu_s;
}

}  // namespace treino::monitor
