// SPDX-License-Identifier: Apache-2.0
// What tensor cores multiply, and the instruction: the 32 threads of a warp add A [16][8] times
// B [8][8] to C [16][8], where an element of A and B is a word of 32 bits: one number of TF32, or
// two of bf16, neighbours along k. PTX ISA, "Matrix fragments for mma.m16n8k8" with .tf32 and
// "mma.m16n8k16" with .bf16: word by word the two are laid out alike.
#pragma once

#include <cstring>

#include "treino/backend/cuda/kernels/tile.h"
#include "treino/base/round_mantissa.h"

namespace treino::cuda {

using Word = std::uint32_t;

TREINO_HOST_DEVICE float as_float(Word bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// Where the first of a thread's 4 of C stands, and, from there, the others.
TREINO_HOST_DEVICE Spot first_result_of_lane(int lane) {
  return {lane / 4, lane % 4 * 2};
}
TREINO_HOST_DEVICE Spot result_of_lane(int r) {
  return {r / 2 * 8, r % 2};
}

#ifdef __CUDA_ARCH__
// c += a b by that instruction of the warp.
#define TREINO_MULTIPLY(instruction)                                                          \
  asm volatile(instruction " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" \
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])                               \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]))
#else
// What the instruction does for one thread. a(lane, r) and b(lane, r) are what the threads hold:
// A[lane / 4 + r % 2 * 8][lane % 4 + r / 2 * 4], B[lane % 4 + r * 4][lane / 4].
template <typename Words, typename A, typename B>
void add_products(int lane, A&& a, B&& b, float* c) {
  for (int r = 0; r < 4; ++r) {
    const Spot first = first_result_of_lane(lane), next = result_of_lane(r);
    const int row = first.row + next.row, column = first.column + next.column;
    for (int k = 0; k < 8; ++k) {
      c[r] = Words::add_product(c[r], a(row % 8 * 4 + k % 4, row / 8 + k / 4 * 2),
                                b(column * 4 + k % 4, k / 4));
    }
  }
}
#endif

struct Tf32Words {
  static constexpr int kPack = 1;  // numbers of a word

  TREINO_HOST_DEVICE static Word word(float value) {
    Word bits;
#if __CUDA_ARCH__ >= 900
    asm("cvt.rn.tf32.f32 %0, %1;" : "=r"(bits) : "f"(value));  // rounds as round_tf32 does, at once
#else
    value = round_tf32(value);
    std::memcpy(&bits, &value, sizeof bits);
#endif
    return bits;
  }
#ifdef __CUDA_ARCH__
  __device__ static void multiply(const Word (&a)[4], const Word (&b)[2], float* c) {
    TREINO_MULTIPLY("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32");
  }
#else
  static float add_product(float sum, Word a, Word b) {
    return sum + as_float(a) * as_float(b);
  }
#endif
};

struct Bf16Words {
  static constexpr int kPack = 2;

  // The first number in the lower half.
  TREINO_HOST_DEVICE static Word word(float first, float second) {
#ifdef __CUDA_ARCH__
    Word bits;  // rounds as round_bf16 does, at once
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(second), "f"(first));
    return bits;
#else
    first = round_bf16(first);
    second = round_bf16(second);
    Word low, high;
    std::memcpy(&low, &first, sizeof low);
    std::memcpy(&high, &second, sizeof high);
    return low >> 16 | high;
#endif
  }
#ifdef __CUDA_ARCH__
  __device__ static void multiply(const Word (&a)[4], const Word (&b)[2], float* c) {
    TREINO_MULTIPLY("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32");
  }
#else
  static float add_product(float sum, Word a, Word b) {
    sum += as_float(a << 16) * as_float(b << 16);
    return sum + as_float(a & 0xffff0000U) * as_float(b & 0xffff0000U);
  }
#endif
};
#undef TREINO_MULTIPLY

}  // namespace treino::cuda
