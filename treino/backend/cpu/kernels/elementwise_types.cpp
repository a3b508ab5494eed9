// SPDX-License-Identifier: Apache-2.0
// Element-wise loops over double and whole numbers: rates, counters, metric sums, positions. Few
// elements each, so plain loops; double stays double throughout.
#include "treino/backend/cpu/kernels/parts.h"

namespace treino::cpu::TREINO_ISA {

namespace {

template <typename T>
constexpr bool kIsFloat = static_cast<T>(0.5) != static_cast<T>(0);

template <typename T>
T sigmoid_of(T a) {
  return static_cast<T>(1 / (1 + __builtin_exp(-static_cast<double>(a))));
}

template <typename T>
T softplus_of(T a) {
  const double x = static_cast<double>(a);
  return static_cast<T>((x > 0 ? x : 0) + __builtin_log1p(__builtin_exp(x > 0 ? -x : x)));
}

#define TREINO_UNARY(Name, formula)                                             \
  template <typename T>                                                         \
  void Name(void* out, const void* in, const void*, const void*, Index count) { \
    const T* from = static_cast<const T*>(in);                                  \
    T* to = static_cast<T*>(out);                                               \
    for (Index i = 0; i < count; ++i) {                                         \
      const T a = from[i];                                                      \
      to[i] = static_cast<T>(formula);                                          \
    }                                                                           \
  }
#define TREINO_BINARY(Name, formula)                                                      \
  template <typename T>                                                                   \
  void Name(void* out, const void* first, const void* second, const void*, Index count) { \
    const T *left = static_cast<const T*>(first), *right = static_cast<const T*>(second); \
    T* to = static_cast<T*>(out);                                                         \
    for (Index i = 0; i < count; ++i) {                                                   \
      const T a = left[i], b = right[i];                                                  \
      to[i] = static_cast<T>(formula);                                                    \
    }                                                                                     \
  }

TREINO_UNARY(neg, -a)
TREINO_UNARY(absolute, a < 0 ? -a : a)
TREINO_UNARY(sign, a > 0 ? T(1) : a < 0 ? T(-1) : a == 0 ? T(0) : a)
TREINO_UNARY(square, a* a)
TREINO_UNARY(root, __builtin_sqrt(static_cast<double>(a)))
TREINO_UNARY(inverse_root, 1 / __builtin_sqrt(static_cast<double>(a)))
TREINO_UNARY(inverse, 1 / static_cast<double>(a))
TREINO_UNARY(exponential, __builtin_exp(static_cast<double>(a)))
TREINO_UNARY(exponential_less_one, __builtin_expm1(static_cast<double>(a)))
TREINO_UNARY(logarithm, __builtin_log(static_cast<double>(a)))
TREINO_UNARY(logarithm_of_one_more, __builtin_log1p(static_cast<double>(a)))
TREINO_UNARY(error_function, __builtin_erf(static_cast<double>(a)))
TREINO_UNARY(hyperbolic_tangent, __builtin_tanh(static_cast<double>(a)))
TREINO_UNARY(sigmoid, sigmoid_of(a))
TREINO_UNARY(softplus, softplus_of(a))
TREINO_UNARY(relu, a < 0 ? T(0) : a)
TREINO_UNARY(cosine, __builtin_cos(static_cast<double>(a)))
TREINO_UNARY(round_down, __builtin_floor(static_cast<double>(a)))
TREINO_UNARY(round_tf32, round_mantissa<10>(splat(static_cast<float>(a)))[0])
TREINO_UNARY(round_bf16, round_mantissa<7>(splat(static_cast<float>(a)))[0])
TREINO_UNARY(is_finite, a - a == 0)

TREINO_BINARY(add, a + b)
TREINO_BINARY(subtract, a - b)
TREINO_BINARY(multiply, a* b)
TREINO_BINARY(power, __builtin_pow(static_cast<double>(a), static_cast<double>(b)))
TREINO_BINARY(larger_of, a < b || b != b ? b : a)
TREINO_BINARY(smaller_of, b < a || b != b ? b : a)
TREINO_BINARY(greater, a > b)
TREINO_BINARY(greater_equal, a >= b)
TREINO_BINARY(equal, a == b)

#undef TREINO_UNARY
#undef TREINO_BINARY

template <typename T>
void divide(void* out, const void* first, const void* second, const void*, Index count) {
  const T *a = static_cast<const T*>(first), *b = static_cast<const T*>(second);
  T* to = static_cast<T*>(out);
  for (Index i = 0; i < count; ++i) {
    if constexpr (kIsFloat<T>)
      to[i] = a[i] / b[i];
    else
      to[i] = b[i] == 0 ? T(0) : static_cast<T>(a[i] / b[i]);  // no trap inside a kernel
  }
}

template <typename T>
void select(void* out, const void* condition, const void* yes, const void* no, Index count) {
  const T* c = static_cast<const T*>(condition);
  const T *a = static_cast<const T*>(yes), *b = static_cast<const T*>(no);
  T* to = static_cast<T*>(out);
  for (Index i = 0; i < count; ++i) to[i] = c[i] != 0 ? a[i] : b[i];
}

template <typename From, typename To>
void cast(void* out, const void* in, const void*, const void*, Index count) {
  const From* from = static_cast<const From*>(in);
  To* to = static_cast<To*>(out);
  for (Index i = 0; i < count; ++i) to[i] = static_cast<To>(from[i]);
}

void scale_bytes(void* out, const void* in, const void* by, const void*, Index count) {
  const std::uint8_t* from = static_cast<const std::uint8_t*>(in);
  float* to = static_cast<float*>(out);
  const float factor = *static_cast<const float*>(by);
  for (Index i = 0; i < count; ++i) to[i] = static_cast<float>(from[i]) * factor;
}

template <typename From>
void casts_from(Kernels& kernels, DType from) {
  ElementwiseFunction* row = kernels.cast[static_cast<int>(from)];
  row[static_cast<int>(DType::f32)] = cast<From, float>;
  row[static_cast<int>(DType::f64)] = cast<From, double>;
  row[static_cast<int>(DType::u8)] = cast<From, std::uint8_t>;
  row[static_cast<int>(DType::i32)] = cast<From, std::int32_t>;
  row[static_cast<int>(DType::i64)] = cast<From, std::int64_t>;
}

template <typename T>
void operations_of(Kernels& kernels, DType dtype) {
  const auto put = [&](Op op, ElementwiseFunction function) {
    kernels.elementwise[static_cast<int>(op)][static_cast<int>(dtype)] = function;
  };
  put(Op::neg, neg<T>);
  put(Op::abs, absolute<T>);
  put(Op::sign, sign<T>);
  put(Op::square, square<T>);
  put(Op::sqrt, root<T>);
  put(Op::rsqrt, inverse_root<T>);
  put(Op::reciprocal, inverse<T>);
  put(Op::exp, exponential<T>);
  put(Op::expm1, exponential_less_one<T>);
  put(Op::log, logarithm<T>);
  put(Op::log1p, logarithm_of_one_more<T>);
  put(Op::erf, error_function<T>);
  put(Op::tanh, hyperbolic_tangent<T>);
  put(Op::sigmoid, sigmoid<T>);
  put(Op::softplus, softplus<T>);
  put(Op::relu, relu<T>);
  put(Op::cos, cosine<T>);
  put(Op::floor, round_down<T>);
  put(Op::round_tf32, round_tf32<T>);
  put(Op::round_bf16, round_bf16<T>);
  put(Op::is_finite, is_finite<T>);
  put(Op::add, add<T>);
  put(Op::sub, subtract<T>);
  put(Op::mul, multiply<T>);
  put(Op::div, divide<T>);
  put(Op::pow, power<T>);
  put(Op::max, larger_of<T>);
  put(Op::min, smaller_of<T>);
  put(Op::greater, greater<T>);
  put(Op::greater_equal, greater_equal<T>);
  put(Op::equal, equal<T>);
  put(Op::select, select<T>);
}

}  // namespace

void add_elementwise_types(Kernels& kernels) {
  operations_of<double>(kernels, DType::f64);
  operations_of<std::uint8_t>(kernels, DType::u8);
  operations_of<std::int32_t>(kernels, DType::i32);
  operations_of<std::int64_t>(kernels, DType::i64);
  kernels.scale_bytes = scale_bytes;
  casts_from<float>(kernels, DType::f32);
  casts_from<double>(kernels, DType::f64);
  casts_from<std::uint8_t>(kernels, DType::u8);
  casts_from<std::int32_t>(kernels, DType::i32);
  casts_from<std::int64_t>(kernels, DType::i64);
}

}  // namespace treino::cpu::TREINO_ISA
