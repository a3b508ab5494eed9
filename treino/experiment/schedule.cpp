// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/schedule.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "treino/base/rng.h"

namespace treino::experiment {

namespace {

template <typename T>
void shuffle(std::vector<T>& items, Rng& rng) {
  for (std::size_t left = items.size(); left > 1; --left) {
    std::swap(items[left - 1], items[rng.below(left)]);
  }
}

// Rows of a Williams design for n treatments: n rows for an even n, 2 n for an odd one (each row
// and its reverse). The first row runs 0, 1, n-1, 2, n-2, ...; row r adds r to it, modulo n.
std::vector<std::vector<int>> williams(int n) {
  std::vector<int> first;
  for (int i = 0; i < n; ++i) first.push_back(i % 2 == 1 ? (i + 1) / 2 : (n - i / 2) % n);
  std::vector<std::vector<int>> rows;
  for (int r = 0; r < n; ++r) {
    std::vector<int> row;
    for (const int place : first) row.push_back((place + r) % n);
    rows.push_back(row);
    if (n % 2 == 1 && n > 1) rows.emplace_back(row.rbegin(), row.rend());
  }
  return rows;
}

// Rows of one group, handed out in random order and made anew when they are used up.
class Orders {
 public:
  explicit Orders(std::vector<int> members) : members_(std::move(members)) {}

  std::vector<int> next(Rng& rng) {
    if (rows_.empty()) {
      rows_ = williams(static_cast<int>(members_.size()));
      shuffle(members_, rng);
      shuffle(rows_, rng);
    }
    std::vector<int> order;
    for (const int place : rows_.back()) order.push_back(members_[static_cast<std::size_t>(place)]);
    rows_.pop_back();
    return order;
  }

 private:
  std::vector<int> members_;
  std::vector<std::vector<int>> rows_;
};

}  // namespace

std::vector<Turn> balanced_schedule(const std::vector<std::vector<int>>& groups, int blocks,
                                    std::uint64_t seed) {
  Rng rng(seed, 2);
  std::vector<Orders> orders;
  for (const std::vector<int>& members : groups) orders.emplace_back(members);
  std::vector<Turn> turns;
  for (int block = 1; block <= blocks; ++block) {
    std::vector<std::size_t> sequence(groups.size());
    std::iota(sequence.begin(), sequence.end(), std::size_t{0});
    shuffle(sequence, rng);
    for (const std::size_t group : sequence) {
      int position = 0;
      for (const int contestant : orders[group].next(rng)) {
        turns.push_back({block, ++position, contestant});
      }
    }
  }
  return turns;
}

}  // namespace treino::experiment
