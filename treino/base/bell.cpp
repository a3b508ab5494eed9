// SPDX-License-Identifier: Apache-2.0
#include "treino/base/bell.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace treino {

void pause_once() {
#if defined(__SSE2__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

void Bell::sleep(std::uint32_t rings) {
  static_assert(sizeof rings_ == 4 && decltype(rings_)::is_always_lock_free);
  syscall(SYS_futex, &rings_, FUTEX_WAIT_PRIVATE, rings, nullptr, nullptr, 0);
}

void Bell::ring() {
  rings_.fetch_add(1, std::memory_order_seq_cst);
  syscall(SYS_futex, &rings_, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace treino
