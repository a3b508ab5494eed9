// SPDX-License-Identifier: Apache-2.0
// As many multiply-adds as the processor can do: independent sums in registers.
#include "treino/backend/cpu/kernels/parts.h"

namespace treino::cpu::TREINO_ISA {

namespace {

#if defined(__AVX512F__)
constexpr int kSums = 16;
#else
constexpr int kSums = 12;
#endif

// Returns the floating-point operations of `rounds` rounds; `sink` keeps them from being left out.
double multiply_adds(Index rounds, float* sink) {
  F sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = splat(static_cast<float>(i));
  F a = splat(sink[0]), b = splat(sink[1]);
  for (Index round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int i = 0; i < kSums; ++i) sums[i] = fma(sums[i], a, b);
  }
  F total{};
  for (int i = 0; i < kSums; ++i) total += sums[i];
  sink[2] = sum_of(total);
  return static_cast<double>(rounds) * kSums * kLanes * 2;
}

}  // namespace

void add_peak(Kernels& kernels) {
  kernels.multiply_adds_in_registers = multiply_adds;
}

}  // namespace treino::cpu::TREINO_ISA
