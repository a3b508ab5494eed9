// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "treino/base/bell.h"

namespace treino::bench {

// Seconds a word takes from one core to another and back: the least of some measurements of
// two threads that look for each other's number. About 0.1 us where two cores share a last cache,
// several times that where a host has put two virtual ones on two dies or sockets, which every
// barrier and everything that workers read from each other then waits for.
inline double round_trip() {
  constexpr int kTrips = 2000;
  struct alignas(128) Word {
    std::atomic<int> value{0};
  };
  Word there, back;
  double best = 1;
  for (int attempt = 0; attempt < 9; ++attempt) {
    const int base = attempt * kTrips;
    std::thread other([&] {
      for (int i = base + 1; i <= base + kTrips; ++i) {
        while (there.value.load(std::memory_order_acquire) != i) pause_once();
        back.value.store(i, std::memory_order_release);
      }
    });
    const auto start = std::chrono::steady_clock::now();
    for (int i = base + 1; i <= base + kTrips; ++i) {
      there.value.store(i, std::memory_order_release);
      while (back.value.load(std::memory_order_acquire) != i) pause_once();
    }
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    other.join();
    best = std::min(best, time.count() / kTrips);
  }
  return best;
}

}  // namespace treino::bench
