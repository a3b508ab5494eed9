// SPDX-License-Identifier: Apache-2.0
#include "treino/base/rng.h"

#include <cmath>
#include <numbers>

namespace treino {

std::uint32_t Rng::next_u32() {
  if (used_ == 4) {
    words_ =
        philox({static_cast<std::uint32_t>(block_), static_cast<std::uint32_t>(block_ >> 32),
                static_cast<std::uint32_t>(stream_), static_cast<std::uint32_t>(stream_ >> 32)},
               seed_);
    ++block_;
    used_ = 0;
  }
  return words_[static_cast<std::size_t>(used_++)];
}

double Rng::uniform() {
  const std::uint64_t high = next_u32() >> 5, low = next_u32() >> 6;
  return static_cast<double>(high << 26 | low) * 0x1p-53;
}

double Rng::normal() {
  const double radius = std::sqrt(-2 * std::log(1 - uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

std::uint64_t Rng::below(std::uint64_t bound) {
  // Rejection keeps it unbiased: of the values from the largest multiple of the bound on, which a
  // division finds, once in 2^64 / bound.
  std::uint64_t value = 0;
  do value = std::uint64_t{next_u32()} << 32 | next_u32();
  while (value > UINT64_MAX - bound && value >= UINT64_MAX - UINT64_MAX % bound);
  return value % bound;
}

}  // namespace treino
