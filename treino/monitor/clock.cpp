// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/clock.h"

#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <utility>

#include "treino/base/clock.h"
#include "treino/base/error.h"

namespace treino::monitor {

RealClock::RealClock() : timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  if (!timer_) throw Error::work(std::string("no timer: ") + std::strerror(errno));
}

double RealClock::now() const {
  return monotonic_seconds();
}

void RealClock::wait(double until, std::span<pollfd> files) {
  constexpr std::size_t kMost = 64;
  std::array<pollfd, kMost> all{};
  const std::size_t count = std::min(files.size(), kMost - 1);
  std::copy_n(files.begin(), count, all.begin());
  all[count] = {timer_.get(), POLLIN, 0};
  itimerspec due{};
  // An absolute time of zero would switch the timer off.
  const double at = std::clamp(until, 1e-9, 4e9);
  due.it_value.tv_sec = static_cast<time_t>(at);
  due.it_value.tv_nsec = static_cast<long>((at - std::floor(at)) * 1e9);
  if (due.it_value.tv_sec == 0 && due.it_value.tv_nsec == 0) due.it_value.tv_nsec = 1;
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &due, nullptr);
  if (::poll(all.data(), count + 1, -1) < 0) {
    for (pollfd& file : files) file.revents = 0;
    return;
  }
  for (std::size_t i = 0; i < files.size(); ++i)
    files[i].revents = i < count ? all[i].revents : short{0};
}

bool Beats::due(double now) {
  const auto passed = static_cast<std::int64_t>(std::floor((now - start_) / interval_ + 1e-9));
  const std::int64_t since = passed - done_;
  if (since <= 0) return false;
  done_ = passed;
  if (since == 1) return true;
  missed_ += since;
  return false;
}

std::int64_t Beats::take_missed() {
  return std::exchange(missed_, 0);
}

}  // namespace treino::monitor
