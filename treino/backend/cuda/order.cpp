// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cuda/order.h"

namespace treino::cuda {

namespace {

bool overlap(const std::vector<Extent>& a, const std::vector<Extent>& b) {
  return std::any_of(a.begin(), a.end(), [&](const Extent& x) {
    return std::any_of(b.begin(), b.end(),
                       [&](const Extent& y) { return x.begin < y.end && y.begin < x.end; });
  });
}

bool must_wait(const Touch& now, const Touch& before) {
  return overlap(now.writes, before.writes) || overlap(now.writes, before.reads) ||
         overlap(now.reads, before.writes);
}

class Order {
 public:
  // No launch waits for one of more than `reach` touches before, but through those in between.
  explicit Order(std::size_t reach) : reach_(reach) {}

  // Fills in `after` of the launches that come next.
  void add(const Touch& touch, std::span<Launch> launches) {
    Done now{&touch, 0, std::vector<bool>(done_.size())};
    launches[0].after.clear();
    const std::size_t first = done_.size() - std::min(reach_, done_.size());
    for (std::size_t i = done_.size(); i-- > first;) {
      const Done& other = done_[i];
      if (now.follows[i] || !must_wait(touch, *other.touch)) continue;
      launches[0].after.push_back(other.last);
      now.follows[i] = true;
      for (std::size_t k = first; k < i; ++k) now.follows[k] = now.follows[k] || other.follows[k];
    }
    for (std::size_t k = 1; k < launches.size(); ++k)
      launches[k].after = {launches_ + static_cast<int>(k) - 1};
    launches_ += static_cast<int>(launches.size());
    now.last = launches_ - 1;
    done_.push_back(std::move(now));
  }

 private:
  struct Done {
    const Touch* touch;
    int last;                   // launch
    std::vector<bool> follows;  // which of the earlier are done before it
  };
  std::size_t reach_;
  std::vector<Done> done_;
  int launches_ = 0;
};

}  // namespace

std::vector<Launch> in_a_row(std::span<const Plan> plans, int steps) {
  std::vector<Launch> all;
  // A step touches nothing of one that is further before than the last in its own place, but what
  // those in between touch in the same way.
  Order order((plans.size() + 1) * plans[0].touches.size());
  for (int step = 0; step < steps; ++step) {
    const Plan& plan = plans[static_cast<std::size_t>(step) % plans.size()];
    std::size_t at = all.size();
    all.insert(all.end(), plan.launches.begin(), plan.launches.end());
    for (const Touch& touch : plan.touches) {
      const auto count = static_cast<std::size_t>(touch.launches);
      order.add(touch, std::span(all).subspan(at, count));
      at += count;
    }
  }
  return all;
}

int steps_of_a_graph(std::size_t launches) {
  constexpr std::size_t kMostLaunches = 420, kMostSteps = 16;
  return static_cast<int>(
      std::clamp<std::size_t>(kMostLaunches / std::max<std::size_t>(launches, 1), 1, kMostSteps));
}

int arenas_of_a_graph(int steps, std::int64_t bytes) {
  constexpr std::int64_t kSmall = std::int64_t{16} << 20;
  return steps > 1 && bytes <= kSmall ? 2 : 1;
}

}  // namespace treino::cuda
