// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/backend/cpu/kernels.h"
#include "treino/backend/cpu/kernels/simd.h"

namespace treino::cpu::TREINO_ISA {

// One pass of Adam (Kingma and Ba, 2015) as nn emits it: m += (g - m) (1 - b1), v += (g g - v) (1 -
// b2), p -= m rate / (sqrt v + epsilon). Its 7 streams leave no time for a pass an instruction.
struct Adam {
  const float *m, *v, *p;
  float *new_m, *new_v, *new_p;
  F one_less_b1, one_less_b2, epsilon, rate;

  explicit Adam(const GroupArguments& a)
      : m(a.inputs[1]),
        v(a.inputs[2]),
        p(a.inputs[4]),
        new_m(a.outputs[0]),
        new_v(a.outputs[1]),
        new_p(a.outputs[2]),
        one_less_b1(splat(a.constants[0])),
        one_less_b2(splat(a.constants[1])),
        epsilon(splat(a.constants[2])),
        rate(splat(*a.inputs[3])) {}

  // Some vectors from element `first` on, of which the last has `count` elements; gradient(k) gives
  // vector k of the gradient. All of them come as far as the roots before any goes on: what waits
  // for a root then leaves the schedulers room for the next ones.
  template <int Vectors, bool Whole, typename Gradient>
  inline __attribute__((always_inline)) void step(const Gradient& gradient, Index first,
                                                  Index count) const {
    F roots[Vectors], moves[Vectors];
#pragma GCC unroll 4
    for (int k = 0; k < Vectors; ++k) {
      const Index i = first + k * kLanes;
      const F g = gradient(k);
      F mean = take<Whole>(m + i, count), square = take<Whole>(v + i, count);
      mean = fma(g - mean, one_less_b1, mean);
      square = fma(g * g - square, one_less_b2, square);
      give<Whole>(new_m + i, mean, count);
      give<Whole>(new_v + i, square, count);
      roots[k] = square_root(square);
      moves[k] = mean * -rate;
    }
#pragma GCC unroll 4
    for (int k = 0; k < Vectors; ++k) {
      const Index i = first + k * kLanes;
      // Of an infinite v the step is 0, as a division would have it.
      const F divisor = smaller(splat(3.4028235e38F), roots[k] + epsilon);
      const F next = fma(moves[k], near_reciprocal(divisor), take<Whole>(p + i, count));
      give<Whole>(new_p + i, next, count);
    }
  }
};

}  // namespace treino::cpu::TREINO_ISA
