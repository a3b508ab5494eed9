// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "treino/backend/cpu/kernels.h"
#include "treino/base/bell.h"

namespace treino::cpu {

// Who does which slice of a level, settled while it runs: each worker takes the units of its own
// share one by one, and those of a worker that has lost its core are taken by the others. A level
// is over when all its units are done, whoever did them: a worker that comes late finds everything
// taken and hurries after. Rounds number the levels run, without end; totals count units done.
class Claims {
 public:
  explicit Claims(int workers) : seats_(static_cast<std::size_t>(workers)) {}

  // The next unit of a share of `count` in a round; `count` when none is left.
  Index take(int share, std::uint64_t round, Index count) {
    std::atomic<std::uint64_t>& next = seats_[static_cast<std::size_t>(share)].next;
    std::uint64_t seen = next.load(std::memory_order_relaxed);
    for (;;) {
      const std::uint64_t of_round = seen >> kIndexBits;
      if (of_round > round) return count;  // over long ago
      const Index unit = of_round == round ? static_cast<Index>(seen & kIndexMask) : 0;
      if (unit >= count) return count;
      const std::uint64_t taken = (round << kIndexBits) + static_cast<std::uint64_t>(unit) + 1;
      if (next.compare_exchange_weak(seen, taken, std::memory_order_relaxed)) return unit;
    }
  }

  // `worker` has done so many units more; `total` ends the level.
  void done(int worker, Index units, std::int64_t total) {
    std::atomic<std::int64_t>& own = seats_[static_cast<std::size_t>(worker)].done;
    own.store(own.load(std::memory_order_relaxed) + units, std::memory_order_seq_cst);
    if (bell_.awaited() && reached(total)) bell_.ring();
  }

  // Whether so many units have been done by all together.
  bool reached(std::int64_t total) const {
    std::int64_t sum = 0;
    for (const Seat& seat : seats_) sum += seat.done.load(std::memory_order_seq_cst);
    return sum >= total;
  }

  void await(std::int64_t total, int looks) {
    bell_.await(looks, [&] { return reached(total); });
  }

 private:
  static constexpr int kIndexBits = 20;
  static constexpr std::uint64_t kIndexMask = (1U << kIndexBits) - 1;

  struct alignas(128) Seat {
    std::atomic<std::uint64_t> next{0};  // round and unit
    alignas(64) std::atomic<std::int64_t> done{0};
  };

  std::vector<Seat> seats_;
  alignas(128) Bell bell_;
};

}  // namespace treino::cpu
