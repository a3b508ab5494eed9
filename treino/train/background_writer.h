// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>

#include <chrono>
#include <functional>
#include <future>
#include <utility>

namespace treino::train {

// Writes files while the training goes on: a file is whole only once the disk says so, some 10 ms
// for each. One after the other, in the order they were added, on a thread named "treino-writer";
// what a write throws the next call throws.
class BackgroundWriter {
 public:
  void add(std::function<void()> write) {
    last_ = std::async(std::launch::async,
                       [before = std::move(last_), write = std::move(write)]() mutable {
                         ::pthread_setname_np(::pthread_self(), "treino-writer");
                         if (before.valid()) before.get();
                         write();
                       });
  }

  // Until all is written.
  void wait() {
    if (last_.valid()) last_.get();
  }

  // Only whether something failed.
  void look() {
    if (last_.valid() && last_.wait_for(std::chrono::seconds(0)) == std::future_status::ready)
      last_.get();
  }

 private:
  std::future<void> last_;  // its destructor waits
};

}  // namespace treino::train
