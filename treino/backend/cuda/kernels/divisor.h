// SPDX-License-Identifier: Apache-2.0
// Division by a number that is known when a step is planned: a product's upper half and a shift,
// where a GPU takes about a hundred instructions for a division of 64 bits.
// Source: Granlund, Montgomery, "Division by invariant integers using multiplication", PLDI 1994.
#pragma once

#include <bit>
#include <cstdint>

#include "treino/base/device_code.h"

namespace treino::cuda {

// Stands for the number it is made of; n / d and n % d of any n >= 0 are exact. With s the bits of
// d - 1 and m = ceil(2^(63 + s) / d), n m / 2^(63 + s) is too large by less than 1 / d.
class Divisor {
 public:
  // Implicit: an extent becomes one. Nothing is divided by that of an empty tensor.
  constexpr Divisor(std::int64_t divisor = 1) : divisor_(divisor) {
    const auto d = static_cast<Half>(divisor > 0 ? divisor : 1);
    shift_ = static_cast<unsigned>(std::bit_width(d - 1));
    multiplier_ = static_cast<Half>(((Whole{1} << (63 + shift_)) + d - 1) / d);
  }
  TREINO_HOST_DEVICE constexpr operator std::int64_t() const { return divisor_; }

  TREINO_HOST_DEVICE friend constexpr std::int64_t operator/(std::int64_t n, const Divisor& d) {
    const Whole product = static_cast<Whole>(static_cast<Half>(n) << 1) * d.multiplier_;
    return static_cast<std::int64_t>(static_cast<Half>(product >> 64) >> d.shift_);
  }
  TREINO_HOST_DEVICE friend constexpr std::int64_t operator%(std::int64_t n, const Divisor& d) {
    return n - n / d * d.divisor_;
  }

 private:
  using Half = std::uint64_t;
  __extension__ using Whole = unsigned __int128;

  std::int64_t divisor_;
  Half multiplier_ = 0;
  unsigned shift_ = 0;
};

// The same of numbers below 2^31: a product of 64 bits and a shift.
class SmallDivisor {
 public:
  constexpr SmallDivisor(int divisor = 1) : divisor_(divisor) {
    const auto d = static_cast<unsigned>(divisor > 0 ? divisor : 1);
    const int bits = static_cast<int>(std::bit_width(d - 1));
    shift_ = 31 + bits;
    multiplier_ = static_cast<unsigned>(((std::uint64_t{1} << shift_) + d - 1) / d);
  }
  TREINO_HOST_DEVICE constexpr operator int() const { return divisor_; }
  TREINO_HOST_DEVICE friend constexpr int operator/(int n, const SmallDivisor& d) {
    return static_cast<int>((std::uint64_t{static_cast<unsigned>(n)} * d.multiplier_) >> d.shift_);
  }

 private:
  int divisor_;
  unsigned multiplier_ = 0;
  int shift_ = 0;
};

}  // namespace treino::cuda
