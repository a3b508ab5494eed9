// SPDX-License-Identifier: Apache-2.0
#include "treino/monitor/loads.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <thread>

#include "treino/base/clock.h"
#include "treino/base/error.h"

namespace treino::monitor {

namespace {

double cpu_seconds(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void burn(double seconds) {
  const double until = cpu_seconds(CLOCK_THREAD_CPUTIME_ID) + seconds;
  while (cpu_seconds(CLOCK_THREAD_CPUTIME_ID) < until) {
  }
}

void sleep_until(double t) {
  timespec due{static_cast<time_t>(t), static_cast<long>((t - std::floor(t)) * 1e9)};
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, nullptr) == EINTR) {
  }
}

void nap(double seconds) {
  sleep_until(monotonic_seconds() + seconds);
}

void spawn(const std::function<void()>& work) {
  const pid_t pid = ::fork();
  if (pid < 0) throw Error::work(fmt::format("fork: {}", std::strerror(errno)));
  if (pid == 0) {
    work();
    ::_exit(0);
  }
}

void wait_for_all() {
  while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
  }
}

// Held until the process ends.
void take_memory(double mib) {
  const auto bytes = static_cast<std::size_t>(mib * 1024 * 1024);
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw Error::work(fmt::format("{} MiB: {}", mib, std::strerror(errno)));
  std::memset(memory, 1, bytes);
}

void duty(double share, double seconds) {
  constexpr double kPeriod = 0.1;
  const double start = monotonic_seconds();
  for (int period = 1; static_cast<double>(period) * kPeriod <= seconds + 1e-9; ++period) {
    burn(share * kPeriod);
    sleep_until(start + period * kPeriod);
  }
}

void forks(double rate, double seconds, double ms) {
  const double start = monotonic_seconds();
  const int total = static_cast<int>(rate * seconds);
  for (int i = 0; i < total; ++i) {
    sleep_until(start + i / rate);
    spawn([ms] { burn(ms / 1000); });
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
  wait_for_all();
}

void daemonise(double seconds) {
  spawn([seconds] {
    ::setsid();
    spawn([seconds] { nap(seconds); });
  });
  wait_for_all();  // for the one in between
  nap(0.2);
}

// A thread goes on when the main one has ended.
[[noreturn]] void headless(double mib, double seconds) {
  std::thread([=] {
    take_memory(mib);
    nap(seconds);
    ::_exit(0);
  }).detach();
  while (true) ::syscall(SYS_exit, 0);  // pthread_exit would unwind through those who called us
}

struct Load {
  const char* name;
  std::size_t numbers;
  void (*run)(const double* n);
};

constexpr Load kLoads[] = {
    {"duty", 2, [](const double* n) { duty(n[0], n[1]); }},
    {"children", 2,
     [](const double* n) {
       for (int i = 0; i < n[0]; ++i) {
         spawn([n] { burn(n[1] / 1000); });
         wait_for_all();
       }
     }},
    {"forks", 3, [](const double* n) { forks(n[0], n[1], n[2]); }},
    {"memory", 2,
     [](const double* n) {
       take_memory(n[0]);
       nap(n[1]);
     }},
    {"shared", 3,
     [](const double* n) {
       take_memory(n[0]);
       for (int i = 0; i < n[1]; ++i) spawn([n] { nap(n[2]); });
       wait_for_all();
     }},
    {"sleepers", 3,
     [](const double* n) {
       for (int i = 0; i < n[0]; ++i) {
         spawn([n] {
           take_memory(n[1]);
           nap(n[2]);
         });
       }
       wait_for_all();
     }},
    {"headless", 2, [](const double* n) { headless(n[0], n[1]); }},
    {"daemon", 1, [](const double* n) { daemonise(n[0]); }},
    {"threads", 2,
     [](const double* n) {
       std::vector<std::thread> threads;
       const double until = monotonic_seconds() + n[1];
       for (int i = 0; i < n[0]; ++i) {
         threads.emplace_back([until] {
           while (monotonic_seconds() < until) burn(0.001);
         });
       }
       for (std::thread& thread : threads) thread.join();
     }},
};

}  // namespace

int run_load(const std::vector<std::string>& words) {
  for (const Load& load : kLoads) {
    if (words.empty() || words[0] != load.name || words.size() != load.numbers + 1) continue;
    std::vector<double> numbers;
    for (std::size_t i = 1; i < words.size(); ++i)
      numbers.push_back(std::strtod(words[i].c_str(), nullptr));
    load.run(numbers.data());
    return 0;
  }
  throw Error::mistake(fmt::format("there is no load \"{}\"", fmt::join(words, " ")));
}

}  // namespace treino::monitor
