// SPDX-License-Identifier: Apache-2.0
#include "treino/experiment/permutation.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <utility>

#include "treino/base/rng.h"

namespace treino::experiment {

namespace {

constexpr std::size_t kExactUpTo = 20;  // 2^20 sums take about 2 ms
constexpr int kDraws = 10000;

}  // namespace

double sign_flip_p(std::span<const double> differences, Side side, std::uint64_t seed) {
  if (differences.empty()) return 1;
  double observed = 0, magnitude = 0;
  for (const double difference : differences) {
    observed += difference;
    magnitude += std::abs(difference);
  }
  // Sums that differ only by rounding are ties, and ties count against the difference.
  const double slack = 1e-12 * magnitude;
  const auto extreme = [&](double sum) {
    switch (side) {
      case Side::greater:
        return sum >= observed - slack;
      case Side::less:
        return sum <= observed + slack;
      case Side::both:
        break;
    }
    return std::abs(sum) >= std::abs(observed) - slack;
  };

  if (differences.size() <= kExactUpTo) {
    std::vector<double> signed_now(differences.begin(), differences.end());
    double sum = observed;
    const std::uint32_t ways = std::uint32_t{1} << differences.size();
    std::uint32_t count = 0;
    for (std::uint32_t way = 1;; ++way) {  // Gray code: one sign changes from way to way
      count += extreme(sum) ? 1 : 0;
      if (way == ways) break;
      double& flipped = signed_now[static_cast<std::size_t>(std::countr_zero(way))];
      sum -= 2 * flipped;
      flipped = -flipped;
    }
    return static_cast<double>(count) / static_cast<double>(ways);
  }

  Rng rng(seed, 1);
  int count = 1;
  for (int draw = 1; draw < kDraws; ++draw) {
    double sum = 0;
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < differences.size(); ++i) {
      if (i % 32 == 0) bits = rng.next_u32();
      sum += (bits >> (i % 32) & 1) != 0 ? differences[i] : -differences[i];
    }
    count += extreme(sum) ? 1 : 0;
  }
  return static_cast<double>(count) / kDraws;
}

double least_p(int n) {
  return std::min(1.0, std::ldexp(2.0, -n));
}

std::vector<double> holm(std::span<const double> ps) {
  std::vector<std::size_t> order(ps.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(ps[i], i); });
  std::vector<double> corrected(ps.size());
  double least = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const double scaled = ps[order[rank]] * static_cast<double>(ps.size() - rank);
    least = std::min(1.0, std::max(least, scaled));
    corrected[order[rank]] = least;
  }
  return corrected;
}

}  // namespace treino::experiment
