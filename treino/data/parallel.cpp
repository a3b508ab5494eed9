// SPDX-License-Identifier: Apache-2.0
#include "treino/data/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "treino/base/thread_team.h"

namespace treino::data {

void parallel_for(std::size_t count, const std::function<void(std::size_t)>& job, int threads) {
  std::atomic<std::size_t> next{0}, failed{count};
  std::exception_ptr failure;
  std::mutex mutex;
  const auto work = [&] {
    for (std::size_t i = next++; i < count && i < failed; i = next++) {
      try {
        job(i);
      } catch (...) {
        const std::lock_guard guard(mutex);
        if (i < failed) {
          failed = i;
          failure = std::current_exception();
        }
      }
    }
  };
  const auto wanted = static_cast<std::size_t>(threads > 0 ? threads : usable_threads());
  std::vector<std::jthread> helpers;
  for (std::size_t i = 1; i < std::min(wanted, count); ++i) helpers.emplace_back(work);
  work();
  helpers.clear();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace treino::data
