// SPDX-License-Identifier: Apache-2.0
// The elementwise ops' formulas (ops.def) for one element of any type.
#pragma once

#include "treino/backend/cuda/kernels/common.h"
#include "treino/base/round_mantissa.h"

namespace treino::cuda {

// The type a function of analysis is computed in: float stays float, whole numbers go to double.
template <typename T>
using Real = std::conditional_t<std::is_same_v<T, float>, float, double>;

template <typename T>
TREINO_HOST_DEVICE T function_of(Op op, T value) {
  const auto a = static_cast<Real<T>>(value);
  using R = Real<T>;
  R result = 0;
  switch (op) {
    case Op::sqrt:
      result = std::sqrt(a);
      break;
    case Op::rsqrt:
      result = 1 / std::sqrt(a);
      break;
    case Op::reciprocal:
      result = 1 / a;
      break;
    case Op::exp:
      result = std::exp(a);
      break;
    case Op::expm1:
      result = std::expm1(a);
      break;
    case Op::log:
      result = std::log(a);
      break;
    case Op::log1p:
      result = std::log1p(a);
      break;
    case Op::erf:
      result = std::erf(a);
      break;
    case Op::tanh:
      result = std::tanh(a);
      break;
    case Op::sigmoid: {
      const R e = std::exp(a < 0 ? a : -a);
      result = a < 0 ? e / (1 + e) : 1 / (1 + e);
      break;
    }
    case Op::softplus:
      result = a != a ? a : (a > 0 ? a : 0) + std::log1p(std::exp(a > 0 ? -a : a));
      break;
    case Op::cos:
      result = std::cos(a);
      break;
    case Op::floor:
      result = std::floor(a);
      break;
    default:
      break;
  }
  return static_cast<T>(result);
}

// At operands a, b, c, as many as the op has.
template <typename T>
TREINO_HOST_DEVICE T evaluate(Op op, T a, T b, T c) {
  switch (op) {
    case Op::neg:
      return static_cast<T>(-a);
    case Op::abs:
      return static_cast<T>(a < 0 ? -a : a == 0 ? T(0) : a);  // of -0 too
    case Op::sign:
      return a > 0 ? T(1) : a < 0 ? static_cast<T>(-1) : a == 0 ? T(0) : a;
    case Op::square:
      return static_cast<T>(a * a);
    case Op::relu:
      return a < 0 ? T(0) : a;  // keeps a NaN
    case Op::round_tf32:
      return static_cast<T>(treino::round_tf32(static_cast<float>(a)));
    case Op::round_bf16:
      return static_cast<T>(treino::round_bf16(static_cast<float>(a)));
    case Op::is_finite:
      return static_cast<T>(a - a == 0);
    case Op::cast:
      return a;
    case Op::add:
      return static_cast<T>(a + b);
    case Op::sub:
      return static_cast<T>(a - b);
    case Op::mul:
      return static_cast<T>(a * b);
    case Op::div:
      if constexpr (std::is_integral_v<T>)
        return b == 0 ? T(0) : static_cast<T>(a / b);
      else
        return a / b;
    case Op::pow:
      if constexpr (std::is_integral_v<T>)  // a GPU's pow is a little beside whole numbers
        return static_cast<T>(std::rint(std::pow(static_cast<double>(a), static_cast<double>(b))));
      else
        return static_cast<T>(std::pow(static_cast<Real<T>>(a), static_cast<Real<T>>(b)));
    case Op::max:
      return a > b || a != a ? a : b;
    case Op::min:
      return a < b || a != a ? a : b;
    case Op::greater:
      return static_cast<T>(a > b);
    case Op::greater_equal:
      return static_cast<T>(a >= b);
    case Op::equal:
      return static_cast<T>(a == b);
    case Op::select:
      return a != 0 ? b : c;
    default:
      return function_of(op, a);
  }
}

// Element i of a tensor of that type, as T.
template <typename T>
TREINO_HOST_DEVICE T element_as(const void* data, DType dtype, Index i) {
  switch (dtype) {
    case DType::f32:
      return static_cast<T>(static_cast<const float*>(data)[i]);
    case DType::f64:
      return static_cast<T>(static_cast<const double*>(data)[i]);
    case DType::u8:
      return static_cast<T>(static_cast<const std::uint8_t*>(data)[i]);
    case DType::i32:
      return static_cast<T>(static_cast<const std::int32_t*>(data)[i]);
    case DType::i64:
      return static_cast<T>(static_cast<const std::int64_t*>(data)[i]);
  }
  return T(0);
}

}  // namespace treino::cuda
