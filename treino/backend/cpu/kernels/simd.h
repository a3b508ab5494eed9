// SPDX-License-Identifier: Apache-2.0
// Vectors of float for the kernels. The files of this folder are compiled once for each instruction
// set, in a namespace of its own (TREINO_ISA); nothing here may be shared between those copies, so
// kernels use no standard templates: the linker would keep any one of the copies for all callers.
#pragma once

#include <cstdint>

#if defined(__AVX512F__) || defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#endif

#ifndef TREINO_ISA
#define TREINO_ISA portable
#endif

namespace treino::cpu::TREINO_ISA {

using Index = std::int64_t;

#if defined(__AVX512F__)
inline constexpr int kLanes = 16;
#elif defined(__AVX2__)
inline constexpr int kLanes = 8;
#else
inline constexpr int kLanes = 4;
#endif

typedef float F __attribute__((vector_size(4 * kLanes)));
typedef std::int32_t I __attribute__((vector_size(4 * kLanes)));
typedef float UnalignedF __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));

#define TREINO_INLINE static inline __attribute__((always_inline))

TREINO_INLINE Index least(Index a, Index b) {
  return a < b ? a : b;
}
TREINO_INLINE Index most(Index a, Index b) {
  return a > b ? a : b;
}

TREINO_INLINE F load(const float* from) {
  return *reinterpret_cast<const UnalignedF*>(from);
}
TREINO_INLINE void store(float* to, F value) {
  *reinterpret_cast<UnalignedF*>(to) = value;
}
TREINO_INLINE F splat(float value) {
  return value - F{};
}
TREINO_INLINE I splat_int(std::int32_t value) {
  return value - I{};
}

// Lanes 0 .. count - 1, and lane `i` alone, as comparisons of F give them.
TREINO_INLINE I lane_numbers() {
  I lane{};
  for (int i = 0; i < kLanes; ++i) lane[i] = i;
  return lane;
}
TREINO_INLINE I first_lanes(Index count) {
  return lane_numbers() < static_cast<std::int32_t>(count);
}
TREINO_INLINE I only_lane(Index i) {
  return lane_numbers() == static_cast<std::int32_t>(i);
}

// The first `count` (1 .. kLanes) elements; the others are 0 and not touched in memory.
TREINO_INLINE F load_part(const float* from, Index count) {
#if defined(__AVX512F__)
  return (F)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1U), from);
#elif defined(__AVX2__)
  return (F)_mm256_maskload_ps(from, (__m256i)first_lanes(count));
#else
  F value{};
  for (Index i = 0; i < count; ++i) value[i] = from[i];
  return value;
#endif
}

TREINO_INLINE void store_part(float* to, F value, Index count) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1U << count) - 1U), (__m512)value);
#elif defined(__AVX2__)
  _mm256_maskstore_ps(to, (__m256i)first_lanes(count), (__m256)value);
#else
  for (Index i = 0; i < count; ++i) to[i] = value[i];
#endif
}

// The same by halves, for loops of which it is a good part: the instruction that stores by a mask
// is some forty steps on AMD's cores, but one that loops which seldom need it have room for.
TREINO_INLINE void store_by_halves(float* to, F value, Index count) {
#if defined(__AVX2__) && !defined(__AVX512F__)
  if (count >= kLanes) return store(to, value);
  __m128 part = _mm256_castps256_ps128((__m256)value);
  if ((count & 4) != 0) {
    _mm_storeu_ps(to, part);
    part = _mm256_extractf128_ps((__m256)value, 1);
    to += 4;
  }
  if ((count & 2) != 0) {
    _mm_storel_pi(reinterpret_cast<__m64*>(to), part);
    part = _mm_movehl_ps(part, part);
    to += 2;
  }
  if ((count & 1) != 0) _mm_store_ss(to, part);
#else
  store_part(to, value, count);
#endif
}

// `count` elements, all kLanes or fewer; where the compiler knows which, take and give.
TREINO_INLINE F fetch(const float* from, Index count) {
  return count == kLanes ? load(from) : load_part(from, count);
}
TREINO_INLINE void put(float* to, F value, Index count) {
  if (count == kLanes)
    store(to, value);
  else
    store_part(to, value, count);
}
template <bool Whole>
TREINO_INLINE F take(const float* from, Index count) {
  return Whole ? load(from) : load_part(from, count);
}
template <bool Whole>
TREINO_INLINE void give(float* to, F value, Index count) {
  if (Whole)
    store(to, value);
  else
    store_part(to, value, count);
}

// totals[i] += sums[i], in double.
TREINO_INLINE void gather(double* totals, F sums, Index count) {
  typedef double Doubles __attribute__((vector_size(8 * kLanes), aligned(8), may_alias));
  if (count == kLanes) {
    *reinterpret_cast<Doubles*>(totals) += __builtin_convertvector(sums, Doubles);
  } else {
    for (Index i = 0; i < count; ++i) totals[i] += static_cast<double>(sums[i]);
  }
}

TREINO_INLINE F fma(F a, F b, F c) {
#if defined(__AVX512F__)
  return (F)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
  return (F)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
  return a * b + c;
#endif
}

// a where the mask's lane is set, else b; masks are what comparisons of F give (all bits or none).
TREINO_INLINE F choose(I mask, F a, F b) {
  return mask ? a : b;
}

TREINO_INLINE F larger(F a, F b) {
#if defined(__AVX512F__)
  return (F)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
  return (F)_mm256_max_ps((__m256)a, (__m256)b);
#else
  return choose(a > b, a, b);
#endif
}

TREINO_INLINE F smaller(F a, F b) {
#if defined(__AVX512F__)
  return (F)_mm512_min_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
  return (F)_mm256_min_ps((__m256)a, (__m256)b);
#else
  return choose(a < b, a, b);
#endif
}

TREINO_INLINE F square_root(F a) {
#if defined(__AVX512F__)
  return (F)_mm512_sqrt_ps((__m512)a);
#elif defined(__AVX2__)
  return (F)_mm256_sqrt_ps((__m256)a);
#elif defined(__SSE2__)
  return (F)_mm_sqrt_ps((__m128)a);
#else
  for (int i = 0; i < kLanes; ++i) a[i] = __builtin_sqrtf(a[i]);
  return a;
#endif
}

// 1 / a to two ulps or so for a normal, by the instruction's estimate and Newton's step: divisions
// would wait for the one unit that takes square roots too.
TREINO_INLINE F near_reciprocal(F a) {
#if defined(__AVX512F__)
  const F q = (F)_mm512_rcp14_ps((__m512)a);  // 2^-14
  return fma(q, fma(-a, q, splat(1)), q);
#elif defined(__AVX2__)
  const F q = (F)_mm256_rcp_ps((__m256)a);  // 1.5 2^-12, so 1.1 2^-23 after the step
  return fma(q, fma(-a, q, splat(1)), q);
#else
  return 1.F / a;
#endif
}

TREINO_INLINE I to_int(F a) {
  return __builtin_convertvector(a, I);
}  // towards zero
TREINO_INLINE F to_float(I a) {
  return __builtin_convertvector(a, F);
}

TREINO_INLINE F magnitude(F a) {
  return (F)((I)a & 0x7fffffff);
}

TREINO_INLINE F round_down(F a) {
#if defined(__AVX512F__)
  return (F)_mm512_roundscale_ps((__m512)a, 0x09);
#elif defined(__AVX2__)
  return (F)_mm256_floor_ps((__m256)a);
#else
  for (int i = 0; i < kLanes; ++i) a[i] = __builtin_floorf(a[i]);
  return a;
#endif
}

// base/round_mantissa.h, lane by lane.
template <int kBits>
TREINO_INLINE F round_mantissa(F a) {
  constexpr int kCut = 23 - kBits, kHalf = (1 << (kCut - 1)) - 1;
  const I bits = (I)a;
  const F rounded = (F)(bits + kHalf + ((bits >> kCut) & 1));
  const F kept = choose(a != a, (F)(bits | 0x00400000), rounded);
  return (F)((I)kept & ~((1 << kCut) - 1));
}

// The upper half of a vector in the place of its lower one, then of that the upper half, and so on:
// what is joined is the lanes in pairs a half, a quarter ... apart.
template <typename Join>
TREINO_INLINE float join_lanes(F a, Join join) {
#if defined(__AVX512F__)
  a = join(a, (F)_mm512_shuffle_f32x4((__m512)a, (__m512)a, 0x4e));
  a = join(a, (F)_mm512_shuffle_f32x4((__m512)a, (__m512)a, 0xb1));
  a = join(a, (F)_mm512_permute_ps((__m512)a, 0x4e));
  a = join(a, (F)_mm512_permute_ps((__m512)a, 0xb1));
#elif defined(__AVX2__)
  a = join(a, (F)_mm256_permute2f128_ps((__m256)a, (__m256)a, 0x01));
  a = join(a, (F)_mm256_permute_ps((__m256)a, 0x4e));
  a = join(a, (F)_mm256_permute_ps((__m256)a, 0xb1));
#else
  for (int width = kLanes / 2; width > 0; width /= 2) {
    F other = a;
    for (int i = 0; i < width; ++i) other[i] = a[i + width];
    a = join(a, other);
  }
#endif
  return a[0];
}
TREINO_INLINE float sum_of(F a) {
  return join_lanes(a, [](F x, F y) { return x + y; });
}
TREINO_INLINE float largest_of(F a) {
  return join_lanes(a, [](F x, F y) { return larger(x, y); });
}

}  // namespace treino::cpu::TREINO_ISA
