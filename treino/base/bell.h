// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

namespace treino {

// Tells the processor that this thread only looks at memory: 10 to 50 ns.
void pause_once();

// Waiting for something other threads bring about: a waiter looks for a while, then sleeps until
// the bell rings. Sleeping and not yielding: a thread that yields stays runnable, so the kernel
// sees no idle core to move a displaced thread to, and charges each yield as a whole slice.
class Bell {
 public:
  // Returns once `there()` holds. It must read what it looks at sequentially consistent, and those
  // who bring it about write it so before they call awaited(): either they see the sleeper or the
  // sleeper sees what they wrote.
  template <typename There>
  void await(int looks, const There& there) {
    for (int look = 0; look < looks; ++look) {
      if (there()) return;
      pause_once();
    }
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    for (;;) {
      const std::uint32_t rings = rings_.load(std::memory_order_seq_cst);
      if (there()) break;
      sleep(rings);
    }
    sleepers_.fetch_sub(1, std::memory_order_relaxed);
  }

  bool awaited() const { return sleepers_.load(std::memory_order_seq_cst) > 0; }
  // Wakes all who sleep.
  void ring();

 private:
  void sleep(std::uint32_t rings);

  std::atomic<std::uint32_t> rings_{0}, sleepers_{0};
};

}  // namespace treino
