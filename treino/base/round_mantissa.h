// SPDX-License-Identifier: Apache-2.0
// Floats of fewer bits, held as floats: what tensor cores and bf16 instructions multiply.
#pragma once

#include <cstdint>
#include <cstring>

#include "treino/base/device_code.h"

namespace treino {

// The nearest number of f32 with so many explicit bits of mantissa (of 23), ties to even; beyond
// the largest it is infinite. NaN stays NaN, a quiet one, so that its upper bits alone say so.
template <int kBits>
TREINO_HOST_DEVICE float round_mantissa(float x) {
  constexpr std::uint32_t kCut = 23 - kBits, kHalf = (std::uint32_t{1} << (kCut - 1)) - 1;
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  if ((bits & 0x7fffffffU) > 0x7f800000U)
    bits |= 0x00400000U;
  else
    bits += kHalf + ((bits >> kCut) & 1U);  // a carry into the exponent is right
  bits &= ~((std::uint32_t{1} << kCut) - 1);
  std::memcpy(&x, &bits, sizeof bits);
  return x;
}

// TF32 (NVIDIA): 10 bits. bf16: 7. Both have f32's exponents.
TREINO_HOST_DEVICE float round_tf32(float x) {
  return round_mantissa<10>(x);
}
TREINO_HOST_DEVICE float round_bf16(float x) {
  return round_mantissa<7>(x);
}

}  // namespace treino
