// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cpu/kernels/parts.h"

namespace treino::cpu::TREINO_ISA {

namespace {

#if defined(__AVX512F__)
constexpr int kBlock = 16;

// 16 rows of 16 floats, transposed in registers: pairs of floats, of pairs, of quarters, of halves.
TREINO_INLINE void block(float* out, Index out_stride, const float* in, Index in_stride) {
  __m512 r[16], t[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) r[i] = _mm512_loadu_ps(in + i * in_stride);
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    t[2 * i] = _mm512_unpacklo_ps(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_ps(r[2 * i], r[2 * i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const auto low = [](__m512 a, __m512 b) {
      return _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
    };
    const auto high = [](__m512 a, __m512 b) {
      return _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
    };
    r[4 * i] = low(t[4 * i], t[4 * i + 2]);
    r[4 * i + 1] = high(t[4 * i], t[4 * i + 2]);
    r[4 * i + 2] = low(t[4 * i + 1], t[4 * i + 3]);
    r[4 * i + 3] = high(t[4 * i + 1], t[4 * i + 3]);
  }
  // Now quarter q of r[4 i + j] holds column 4 q + j of rows 4 i .. 4 i + 3.
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    const __m512 a = _mm512_shuffle_f32x4(r[j], r[4 + j], 0x88),
                 b = _mm512_shuffle_f32x4(r[8 + j], r[12 + j], 0x88);
    const __m512 c = _mm512_shuffle_f32x4(r[j], r[4 + j], 0xdd),
                 d = _mm512_shuffle_f32x4(r[8 + j], r[12 + j], 0xdd);
    _mm512_storeu_ps(out + j * out_stride, _mm512_shuffle_f32x4(a, b, 0x88));
    _mm512_storeu_ps(out + (8 + j) * out_stride, _mm512_shuffle_f32x4(a, b, 0xdd));
    _mm512_storeu_ps(out + (4 + j) * out_stride, _mm512_shuffle_f32x4(c, d, 0x88));
    _mm512_storeu_ps(out + (12 + j) * out_stride, _mm512_shuffle_f32x4(c, d, 0xdd));
  }
}
#elif defined(__AVX2__)
constexpr int kBlock = 8;

// The same of 8 rows of 8 floats: pairs of floats, of pairs, of halves.
TREINO_INLINE void block(float* out, Index out_stride, const float* in, Index in_stride) {
  __m256 r[8], t[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) r[i] = _mm256_loadu_ps(in + i * in_stride);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
  }
  // Then half h of r[4 i + j] holds column 4 h + j of rows 4 i .. 4 i + 3.
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    r[4 * i] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
    r[4 * i + 1] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0xee);
    r[4 * i + 2] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
    r[4 * i + 3] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xee);
  }
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    _mm256_storeu_ps(out + j * out_stride, _mm256_permute2f128_ps(r[j], r[4 + j], 0x20));
    _mm256_storeu_ps(out + (4 + j) * out_stride, _mm256_permute2f128_ps(r[j], r[4 + j], 0x31));
  }
}
#else
constexpr int kBlock = 4;

TREINO_INLINE void block(float* out, Index out_stride, const float* in, Index in_stride) {
  for (int i = 0; i < kBlock; ++i) {
    for (int j = 0; j < kBlock; ++j) out[j * out_stride + i] = in[i * in_stride + j];
  }
}
#endif
static_assert(kBlock == kLanes);

// The same of fewer rows or columns.
TREINO_INLINE void part_block(float* out, Index out_stride, const float* in, Index in_stride,
                              Index rows, Index columns) {
  float from[kBlock * kBlock], to[kBlock * kBlock];
  for (Index y = 0; y < kBlock; ++y)
    store(from + y * kBlock, y < rows ? fetch(in + y * in_stride, columns) : F{});
  block(to, kBlock, from, kBlock);
  for (Index x = 0; x < columns; ++x)
    store_by_halves(out + x * out_stride, load(to + x * kBlock), rows);
}

void transpose(float* out, Index out_stride, const float* in, Index in_stride, Index rows,
               Index columns) {
  for (Index i = 0; i < rows; i += kBlock) {
    for (Index j = 0; j < columns; j += kBlock) {
      if (i + kBlock <= rows && j + kBlock <= columns) {
        block(out + j * out_stride + i, out_stride, in + i * in_stride + j, in_stride);
      } else {
        part_block(out + j * out_stride + i, out_stride, in + i * in_stride + j, in_stride,
                   least(kBlock, rows - i), least(kBlock, columns - j));
      }
    }
  }
}

// The last vector of a row is filled up with zeros.
void spread_rows(float* out, Index out_stride, const float* in, Index rows, Index columns) {
  const Index tail = columns % kLanes, whole = columns - tail;
  for (Index i = 0; i < rows; ++i, out += out_stride, in += columns) {
    for (Index j = 0; j < whole; j += kLanes) store(out + j, load(in + j));
    if (tail > 0) store(out + whole, load_part(in + whole, tail));
  }
}

}  // namespace

void add_movement(Kernels& kernels) {
  kernels.transpose = transpose;
  kernels.spread_rows = spread_rows;
}

}  // namespace treino::cpu::TREINO_ISA
