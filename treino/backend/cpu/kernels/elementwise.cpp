// SPDX-License-Identifier: Apache-2.0
// Element-wise loops over float.
#include "treino/backend/cpu/kernels/adam.h"
#include "treino/backend/cpu/kernels/math.h"
#include "treino/backend/cpu/kernels/parts.h"

namespace treino::cpu::TREINO_ISA {

namespace {

TREINO_INLINE F as_number(I mask) {
  return choose(mask, splat(1), splat(0));
}

// Lanes through a scalar function of the C library, for the ops no inner loop of a network uses.
template <float (*Function)(float, float)>
F by_lane(F a, F b) {
  for (int i = 0; i < kLanes; ++i) a[i] = Function(a[i], b[i]);
  return a;
}
float cosine(float a, float) {
  return __builtin_cosf(a);
}
float power(float a, float b) {
  return __builtin_powf(a, b);
}

struct Neg {
  static F of(F a) { return -a; }
};
struct Abs {
  static F of(F a) { return magnitude(a); }
};
struct Sign {
  static F of(F a) {
    return choose(a != a, a, choose(a > 0.F, splat(1), choose(a < 0.F, splat(-1), splat(0))));
  }
};
struct Square {
  static F of(F a) { return a * a; }
};
struct Sqrt {
  static F of(F a) { return square_root(a); }
};
struct Rsqrt {
  static F of(F a) { return 1.F / square_root(a); }
};
struct Reciprocal {
  static F of(F a) { return 1.F / a; }
};
struct Exp {
  static F of(F a) { return exp(a); }
};
struct Expm1 {
  static F of(F a) { return expm1(a); }
};
struct Log {
  static F of(F a) { return log(a); }
};
struct Log1p {
  static F of(F a) { return log1p(a); }
};
struct Erf {
  static F of(F a) { return erf(a); }
};
struct Tanh {
  static F of(F a) { return tanh(a); }
};
struct Sigmoid {
  static F of(F a) { return sigmoid(a); }
};
struct Softplus {
  static F of(F a) { return softplus(a); }
};
struct Relu {
  static F of(F a) { return larger(F{}, a); }
};  // this order keeps a NaN
struct Cos {
  static F of(F a) { return by_lane<cosine>(a, a); }
};
struct Floor {
  static F of(F a) { return round_down(a); }
};
struct RoundTf32 {
  static F of(F a) { return round_mantissa<10>(a); }
};
struct RoundBf16 {
  static F of(F a) { return round_mantissa<7>(a); }
};
struct IsFinite {
  static F of(F a) { return as_number(((I)a & 0x7f800000) != 0x7f800000); }
};

struct Add {
  static F of(F a, F b) { return a + b; }
};
struct Sub {
  static F of(F a, F b) { return a - b; }
};
struct Mul {
  static F of(F a, F b) { return a * b; }
};
struct Div {
  static F of(F a, F b) { return a / b; }
};
struct Pow {
  static F of(F a, F b) { return by_lane<power>(a, b); }
};
struct Max {
  static F of(F a, F b) { return choose(b != b, b, larger(b, a)); }
};
struct Min {
  static F of(F a, F b) { return choose(b != b, b, smaller(b, a)); }
};
struct Greater {
  static F of(F a, F b) { return as_number(a > b); }
};
struct GreaterEqual {
  static F of(F a, F b) { return as_number(a >= b); }
};
struct Equal {
  static F of(F a, F b) { return as_number(a == b); }
};

struct Select {
  static F of(F a, F b, F c) { return choose(a != 0.F, b, c); }
};
struct MultiplyAdd {
  static F of(F a, F b, F c) { return fma(a, b, c); }
};

enum Scalars { kNone = 0, kFirst = 1, kSecond = 2 };

template <bool Scalar>
TREINO_INLINE F operand(const void* from, Index i, Index count) {
  const float* values = static_cast<const float*>(from);
  if (Scalar) return splat(*values);
  return fetch(values + i, count);
}

template <typename Op, int Arity, int Which>
TREINO_INLINE F apply(const void* a, const void* b, const void* c, Index i, Index count) {
  const F first = operand<(Which & kFirst) != 0>(a, i, count);
  if constexpr (Arity == 1) {
    return Op::of(first);
  } else {
    const F second = operand<(Which & kSecond) != 0>(b, i, count);
    if constexpr (Arity == 2)
      return Op::of(first, second);
    else
      return Op::of(first, second, operand<false>(c, i, count));
  }
}

template <typename Op, int Arity, int Which = kNone>
void loop(void* out, const void* a, const void* b, const void* c, Index count) {
  float* to = static_cast<float*>(out);
  Index i = 0;
  for (; i + kLanes <= count; i += kLanes)
    store(to + i, apply<Op, Arity, Which>(a, b, c, i, kLanes));
  if (i < count) store_part(to + i, apply<Op, Arity, Which>(a, b, c, i, count - i), count - i);
}

constexpr int kF32 = static_cast<int>(DType::f32);

template <typename Functor>
void unary(Kernels& kernels, Op op) {
  kernels.elementwise[static_cast<int>(op)][kF32] = loop<Functor, 1>;
}

template <typename Functor>
void binary(Kernels& kernels, Op op) {
  kernels.elementwise[static_cast<int>(op)][kF32] = loop<Functor, 2>;
  kernels.scalar_first[static_cast<int>(op)] = loop<Functor, 2, kFirst>;
  kernels.scalar_second[static_cast<int>(op)] = loop<Functor, 2, kSecond>;
}

void adam(const GroupArguments& a) {
  const Adam adam(a);
  const float* const gradient = a.inputs[0];
  constexpr int kAtOnce = 4;
  Index i = 0;
  const auto whole = [&](int k) { return load(gradient + i + k * kLanes); };
  for (; i + kAtOnce * kLanes <= a.count; i += kAtOnce * kLanes)
    adam.step<kAtOnce, true>(whole, i, kLanes);
  for (; i + kLanes <= a.count; i += kLanes) adam.step<1, true>(whole, i, kLanes);
  if (i == a.count) return;
  const Index left = a.count - i;
  adam.step<1, false>([&](int) { return load_part(gradient + i, left); }, i, left);
}

}  // namespace

void add_elementwise(Kernels& kernels) {
  unary<Neg>(kernels, Op::neg);
  unary<Abs>(kernels, Op::abs);
  unary<Sign>(kernels, Op::sign);
  unary<Square>(kernels, Op::square);
  unary<Sqrt>(kernels, Op::sqrt);
  unary<Rsqrt>(kernels, Op::rsqrt);
  unary<Reciprocal>(kernels, Op::reciprocal);
  unary<Exp>(kernels, Op::exp);
  unary<Expm1>(kernels, Op::expm1);
  unary<Log>(kernels, Op::log);
  unary<Log1p>(kernels, Op::log1p);
  unary<Erf>(kernels, Op::erf);
  unary<Tanh>(kernels, Op::tanh);
  unary<Sigmoid>(kernels, Op::sigmoid);
  unary<Softplus>(kernels, Op::softplus);
  unary<Relu>(kernels, Op::relu);
  unary<Cos>(kernels, Op::cos);
  unary<Floor>(kernels, Op::floor);
  unary<RoundTf32>(kernels, Op::round_tf32);
  unary<RoundBf16>(kernels, Op::round_bf16);
  unary<IsFinite>(kernels, Op::is_finite);
  binary<Add>(kernels, Op::add);
  binary<Sub>(kernels, Op::sub);
  binary<Mul>(kernels, Op::mul);
  binary<Div>(kernels, Op::div);
  binary<Pow>(kernels, Op::pow);
  binary<Max>(kernels, Op::max);
  binary<Min>(kernels, Op::min);
  binary<Greater>(kernels, Op::greater);
  binary<GreaterEqual>(kernels, Op::greater_equal);
  binary<Equal>(kernels, Op::equal);
  kernels.elementwise[static_cast<int>(Op::select)][kF32] = loop<Select, 3>;
  kernels.adam = adam;
  kernels.multiply_add = loop<MultiplyAdd, 3>;
  kernels.multiply_add_scalar_second = loop<MultiplyAdd, 3, kSecond>;
}

}  // namespace treino::cpu::TREINO_ISA
