// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstring>

#include "treino/backend/reference/kernels.h"

namespace treino::reference {

double View::get(std::int64_t i) const {
  switch (type.dtype) {
    case DType::u8:
      return static_cast<const std::uint8_t*>(data)[i];
    case DType::i32:
      return static_cast<const std::int32_t*>(data)[i];
    case DType::i64:
      return static_cast<double>(static_cast<const std::int64_t*>(data)[i]);
    default:
      return reals()[i];
  }
}

void View::set(std::int64_t i, double value) const {
  switch (type.dtype) {
    case DType::u8:
      static_cast<std::uint8_t*>(data)[i] = static_cast<std::uint8_t>(value);
      break;
    case DType::i32:
      static_cast<std::int32_t*>(data)[i] = static_cast<std::int32_t>(value);
      break;
    case DType::i64:
      static_cast<std::int64_t*>(data)[i] = static_cast<std::int64_t>(value);
      break;
    default:
      reals()[i] = value;
  }
}

namespace {

// The nearest number with so many bits of mantissa after the first and f32's exponents.
double rounded(double a, int bits) {
  const double x = static_cast<float>(a);
  if (!std::isfinite(x) || x == 0) return x;
  const int unit = std::max(std::ilogb(x), -126) - bits;
  const double nearest = std::ldexp(std::nearbyint(std::ldexp(x, -unit)), unit);
  return std::fabs(nearest) < 0x1p128 ? nearest : std::copysign(HUGE_VAL, x);
}

}  // namespace

double evaluate(Op op, double a, double b, double c) {
  switch (op) {
    case Op::neg:
      return -a;
    case Op::abs:
      return std::fabs(a);
    case Op::sign:
      return std::isnan(a) ? a : static_cast<double>((a > 0) - (a < 0));
    case Op::square:
      return a * a;
    case Op::sqrt:
      return std::sqrt(a);
    case Op::rsqrt:
      return 1 / std::sqrt(a);
    case Op::reciprocal:
      return 1 / a;
    case Op::exp:
      return std::exp(a);
    case Op::expm1:
      return std::expm1(a);
    case Op::log:
      return std::log(a);
    case Op::log1p:
      return std::log1p(a);
    case Op::erf:
      return std::erf(a);
    case Op::tanh:
      return std::tanh(a);
    case Op::sigmoid:
      return a >= 0 ? 1 / (1 + std::exp(-a)) : std::exp(a) / (1 + std::exp(a));
    case Op::softplus:
      return std::fmax(a, 0) + std::log1p(std::exp(-std::fabs(a)));
    case Op::relu:
      return a < 0 ? 0 : a;  // keeps a NaN
    case Op::cos:
      return std::cos(a);
    case Op::floor:
      return std::floor(a);
    case Op::round_tf32:
      return rounded(a, 10);
    case Op::round_bf16:
      return rounded(a, 7);
    case Op::is_finite:
      return std::isfinite(a) ? 1 : 0;
    case Op::cast:
      return a;
    case Op::add:
      return a + b;
    case Op::sub:
      return a - b;
    case Op::mul:
      return a * b;
    case Op::div:
      return a / b;
    case Op::pow:
      return std::pow(a, b);
    case Op::max:
      return a > b || std::isnan(a) ? a : b;
    case Op::min:
      return a < b || std::isnan(a) ? a : b;
    case Op::greater:
      return a > b ? 1 : 0;
    case Op::greater_equal:
      return a >= b ? 1 : 0;
    case Op::equal:
      return a == b ? 1 : 0;
    case Op::select:
      return a != 0 ? b : c;
    default:
      return 0;
  }
}

void constant(const Call& call) {
  const double value = call.attributes<ConstantAttributes>().value;
  for (std::int64_t i = 0; i < call.out[0].size(); ++i) call.out[0].set(i, value);
}

void elementwise(const Call& call) {
  const auto operand = [&](std::size_t k, std::int64_t i) {
    return k < call.in.size() ? call.in[k].get(i) : 0;
  };
  for (std::int64_t i = 0; i < call.out[0].size(); ++i) {
    call.out[0].set(i, evaluate(call.step.op, operand(0, i), operand(1, i), operand(2, i)));
  }
}

void copy(const Call& call) {
  for (std::int64_t i = 0; i < call.out[0].size(); ++i) call.out[0].set(i, call.in[0].get(i));
}

namespace {

// Index into `from` of the element that stands at flat index `i` of `to` once `from` is broadcast.
std::int64_t broadcast_index(const Shape& from, const Shape& to, std::int64_t i) {
  std::int64_t result = 0, stride = 1;
  for (int axis = 1; axis <= to.rank(); ++axis) {
    const std::int64_t extent = to[to.rank() - axis], coordinate = i % extent;
    i /= extent;
    if (axis > from.rank()) continue;
    const std::int64_t own = from[from.rank() - axis];
    if (own != 1) result += coordinate * stride;
    stride *= own;
  }
  return result;
}

}  // namespace

void broadcast(const Call& call) {
  for (std::int64_t i = 0; i < call.out[0].size(); ++i) {
    call.out[0].set(i, call.in[0].get(broadcast_index(call.in[0].shape(), call.out[0].shape(), i)));
  }
}

void fused(const Call& call) {
  const auto& group = call.attributes<FusedAttributes>();
  std::vector<double> values(group.instructions.size());
  for (std::int64_t i = 0; i < group.shape.elements(); ++i) {
    for (std::size_t k = 0; k < group.instructions.size(); ++k) {
      const FusedInstruction& instruction = group.instructions[k];
      if (instruction.op == Op::constant) {
        values[k] = instruction.value;
        continue;
      }
      std::array<double, 3> operands{};
      for (std::size_t j = 0; j < static_cast<std::size_t>(info(instruction.op).least_inputs);
           ++j) {
        const int operand = instruction.operands[j];
        if (operand >= 0) {
          operands[j] = values[static_cast<std::size_t>(operand)];
        } else {
          const View& input = call.in[static_cast<std::size_t>(~operand)];
          operands[j] = input.get(broadcast_index(input.shape(), group.shape, i));
        }
      }
      values[k] = evaluate(instruction.op, operands[0], operands[1], operands[2]);
    }
    for (std::size_t k = 0; k < group.outputs.size(); ++k) {
      call.out[k].set(i, values[static_cast<std::size_t>(group.outputs[k])]);
    }
  }
}

}  // namespace treino::reference
