// SPDX-License-Identifier: Apache-2.0
// Elementary functions on vectors of float: argument reduction and polynomials fitted for single
// precision; a few units in the last place over the whole range.
#pragma once

#include "treino/backend/cpu/kernels/simd.h"

namespace treino::cpu::TREINO_ISA {

template <typename... Rest>
TREINO_INLINE F polynomial(F x, float first, Rest... rest) {  // first + x (second + x (...))
  if constexpr (sizeof...(rest) == 0) {
    return splat(first);
  } else {
    return fma(polynomial(x, rest...), x, splat(first));
  }
}

// 2^n for whole n in [-126, 127].
TREINO_INLINE F power_of_two(I n) {
  return (F)((n + 127) << 23);
}

struct Reduced {
  F remainder;  // |remainder| <= ln 2 / 2
  I exponent;
};

// x = exponent ln 2 + remainder, with ln 2 in two parts so that the remainder is exact to rounding.
TREINO_INLINE Reduced reduce_exponent(F x) {
  const F scaled =
      fma(x, splat(1.44269504088896341F), splat(12582912.F));  // 1.5 2^23: rounds to a whole number
  const F whole = scaled - 12582912.F;
  F rest = fma(whole, splat(-0.693359375F), x);
  rest = fma(whole, splat(2.12194440e-4F), rest);
  return {rest, to_int(whole)};
}

// (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2, within 2e-9 (Chebyshev fit).
TREINO_INLINE F expm1_tail(F r) {
  return polynomial(r, 0.5F, 0.16666666682F, 0.041666465006F, 0.0083333109344F, 0.0013933641032F,
                    0.0001989098087F);
}

TREINO_INLINE F exp(F x) {
  const I huge = x > 88.72283F, tiny = x < -87.33654F, nan = x != x;
  const Reduced reduced = reduce_exponent(larger(smaller(x, splat(88.72283F)), splat(-87.33654F)));
  const F r = reduced.remainder;
  const F mantissa = fma(expm1_tail(r), r * r, r) + 1.F;
  // In two factors: 2^128 is not a float.
  const I half = reduced.exponent >> 1;
  F result = mantissa * power_of_two(half) * power_of_two(reduced.exponent - half);
  result = choose(huge, splat(__builtin_inff()), result);
  result = choose(tiny, splat(0), result);
  return choose(nan, x, result);
}

TREINO_INLINE F expm1(F x) {
  const I huge = x > 88.72283F, nan = x != x;
  const Reduced reduced = reduce_exponent(larger(smaller(x, splat(88.72283F)), splat(-20.F)));
  const F r = reduced.remainder;
  const F small = fma(expm1_tail(r), r * r, r);
  const I half = reduced.exponent >> 1;
  const F low = power_of_two(half), high = power_of_two(reduced.exponent - half);
  const F scale = low * high;  // 2^127 at most here, since the argument is cut at ln(2^128)
  F result = fma(small, scale, scale - 1.F);
  const I top = reduced.exponent > 127;
  result = choose(top, (small + 1.F) * low * high, result);
  result = choose(huge, splat(__builtin_inff()), result);
  return choose(nan, x, result);
}

// ln x of x = m 2^e, m in [sqrt(1/2), sqrt 2): with s = (m - 1) / (m + 1) it is e ln 2 + 2 atanh s.
TREINO_INLINE F log(F x) {
  const I zero = x == 0.F, bad = (x < 0.F) | (x != x), infinite = x == __builtin_inff();
  const I subnormal = x < 1.17549435e-38F;
  const F scaled = choose(subnormal, x * 8388608.F, x);
  I bits = (I)scaled - 0x3f3504f3;  // sqrt(1/2)
  const I exponent = (bits >> 23) + (subnormal & -23);
  const F m = (F)((bits & 0x7fffff) + 0x3f3504f3);
  const F e = to_float(exponent);
  const F f = m - 1.F;
  const F s = f / (f + 2.F);
  const F s2 = s * s;
  const F tail = s2 * polynomial(s2, 0.66666666554F, 0.4000012184F, 0.28550820816F, 0.23330467216F);
  const F half_square = 0.5F * f * f;
  // ln(1 + f) = f - (f^2/2 - s (f^2/2 + tail)), from f = 2 s + s f.
  F result = fma(e, splat(9.0580006145e-6F), s * (half_square + tail));
  result = f - (half_square - result);
  result = fma(e, splat(0.69313812256F), result);
  result = choose(zero, splat(-__builtin_inff()), result);
  result = choose(infinite, x, result);
  return choose(bad, splat(__builtin_nanf("")), result);
}

// ln(1 + x): the rounding of 1 + x is undone by the factor x / (u - 1) (Kahan).
TREINO_INLINE F log1p(F x) {
  const F u = x + 1.F;
  const F rounded = u - 1.F;
  const F corrected = log(u) * (x / rounded);
  F result = choose(rounded == 0.F, x, corrected);
  result = choose(u == __builtin_inff(), u, result);
  return choose(u == 0.F, splat(-__builtin_inff()), result);
}

// A value >= 0 with the sign of another.
TREINO_INLINE F with_sign(F value, F sign) {
  return (F)((I)value ^ ((I)sign & splat_int(static_cast<std::int32_t>(0x80000000U))));
}

TREINO_INLINE F tanh(F x) {
  const F twice = expm1(smaller(magnitude(x), splat(10.F)) * 2.F);
  return choose(x != x, x, with_sign(twice / (twice + 2.F), x));
}

// Up to 1 an odd polynomial (2e-9), from there to 4 through a polynomial of -ln(1 - erf x) (2e-8).
TREINO_INLINE F erf(F x) {
  const F a = smaller(magnitude(x), splat(4.F));
  const F near =
      x * polynomial(x * x, 1.1283791658F, -0.37612626667F, 0.11283594715F, -0.026854212011F,
                     0.0051890874234F, -0.00080168642872F, 7.8758750627e-5F);
  const F log_rest = polynomial(a, -0.00031853966241F, 1.1302310552F, 0.63182391811F, 0.1100871665F,
                                -0.026427637154F, 0.0047626258325F, -0.00059758577023F,
                                4.6163858625e-5F, -1.6430636557e-6F);
  const F far = with_sign(1.F - exp(-log_rest), x);
  return choose(x != x, x, choose(a < 1.F, near, far));
}

TREINO_INLINE F sigmoid(F x) {
  return 1.F / (1.F + exp(-x));
}

TREINO_INLINE F softplus(F x) {
  const F result = larger(x, splat(0)) + log1p(exp(-magnitude(x)));
  return choose(x != x, x, result);
}

}  // namespace treino::cpu::TREINO_ISA
