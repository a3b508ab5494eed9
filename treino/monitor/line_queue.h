// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "treino/monitor/patience.h"
#include "treino/monitor/quiet_thread.h"

namespace treino::monitor {

// Lines on their way to somebody who may read slowly, or not at all: a thread of their own writes
// them, so that who adds them never waits.
class LineQueue {
 public:
  static constexpr std::size_t kMostBytes = 16 << 20;  // that wait; a line beyond is dropped

  // `write` may take as long as it likes, and throws Error when it cannot. It owns what it uses.
  explicit LineQueue(std::function<void(std::string_view)> write);
  ~LineQueue();  // waits for nobody: what is not written yet is lost

  // Throws the Error of a line before that could not be written, once.
  void add(std::string_view line);
  // Waits until all is written; what is still left when patience ends is dropped. Throws as add().
  void flush(const Patience& patience);
  std::int64_t dropped() const;  // lines
  double cpu_s() const;          // of the thread

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
  LooseThread thread_;
};

}  // namespace treino::monitor
