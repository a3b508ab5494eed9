// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/line_queue.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "treino/base/clock.h"
#include "treino/base/error.h"
#include "treino/monitor/descriptor.h"
#include "treino/monitor/thread_cpu.h"

namespace treino::monitor {

struct LineQueue::Shared {
  explicit Shared(std::function<void(std::string_view)> how) : write(std::move(how)) {}

  const std::function<void(std::string_view)> write;
  Descriptor moved{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};  // readable: nothing waits any more
  mutable std::mutex mutex;                                    // of all below
  std::condition_variable changed;
  std::deque<std::string> lines;  // the first of them is being written
  std::size_t bytes = 0;
  std::int64_t dropped = 0;
  bool over = false;
  std::optional<Error> failure;
  double cpu_s = 0;

  void drop_all() {
    dropped += static_cast<std::int64_t>(lines.size());
    lines.clear();
    bytes = 0;
  }

  void throw_failure() {
    if (!failure) return;
    const Error error = *std::exchange(failure, std::nullopt);
    throw error;
  }

  std::optional<Error> try_to_write(const std::string& line) const {
    try {
      write(line);
    } catch (const Error& error) {
      return error;
    }
    return std::nullopt;
  }

  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [this] { return over || !lines.empty(); });
      if (over) return;
      const std::string line = lines.front();
      lock.unlock();
      std::optional<Error> error = try_to_write(line);
      lock.lock();
      cpu_s = thread_cpu_s();
      if (error) {
        failure = std::move(error);
        drop_all();
      } else if (!lines.empty()) {  // not given up meanwhile
        bytes -= line.size();
        lines.pop_front();
      }
      if (lines.empty()) ::eventfd_write(moved.get(), 1);
    }
  }
};

LineQueue::LineQueue(std::function<void(std::string_view)> write)
    : shared_(std::make_shared<Shared>(std::move(write))) {}

LineQueue::~LineQueue() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->over = true;
    shared_->drop_all();
  }
  shared_->changed.notify_one();
}

void LineQueue::add(std::string_view line) {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->throw_failure();
    if (shared_->bytes + line.size() > kMostBytes) {
      ++shared_->dropped;
      return;
    }
    shared_->lines.emplace_back(line);
    shared_->bytes += line.size();
  }
  if (!thread_.started()) thread_.start([shared = shared_] { shared->work(); });
  shared_->changed.notify_one();
}

void LineQueue::flush(const Patience& patience) {
  const double until = monotonic_seconds() + patience.seconds;
  pollfd files[2] = {{shared_->moved.get(), POLLIN, 0}, {patience.stop, POLLIN, 0}};
  while (true) {
    const double left = until - monotonic_seconds();
    {
      const std::lock_guard lock(shared_->mutex);
      shared_->throw_failure();
      if (shared_->lines.empty()) return;
      if (left <= 0 || files[1].revents != 0) return shared_->drop_all();
    }
    eventfd_t ignored = 0;
    const int most = std::isfinite(left) ? static_cast<int>(std::min(left, 3600.0) * 1e3) + 1 : -1;
    if (::poll(files, 2, most) < 0) files[1].revents = 0;
    ::eventfd_read(shared_->moved.get(), &ignored);
  }
}

std::int64_t LineQueue::dropped() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->dropped;
}

double LineQueue::cpu_s() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->cpu_s;
}

}  // namespace treino::monitor
