// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <future>
#include <thread>

namespace treino::monitor {

// A thread that signals pass by: they are for the program's own threads.
std::thread quiet_thread(std::function<void()> work);

// One that may be held in a write to somebody who does not read. Asked to end by its owner, it is
// waited for a moment and then left behind, so it owns, or shares, all that it uses.
class LooseThread {
 public:
  LooseThread() = default;
  ~LooseThread();
  LooseThread(const LooseThread&) = delete;
  LooseThread& operator=(const LooseThread&) = delete;

  void start(std::function<void()> work);  // once
  bool started() const { return thread_.joinable(); }

 private:
  std::future<void> ended_;
  std::thread thread_;
};

}  // namespace treino::monitor
