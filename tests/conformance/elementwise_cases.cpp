// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/case.h"

namespace treino::conformance {

namespace {

const Shape kShapes[] = {{},           {1},           {7},          {33},          {33, 17},
                         {1, 1, 1, 1}, {7, 1, 1, 17}, {7, 5, 7, 1}, {33, 5, 7, 17}};
constexpr DType kTypes[] = {DType::f32, DType::f64, DType::u8, DType::i32, DType::i64};

// With what an op's operands are filled: an op new to the suite takes any number.
std::vector<Fill> fills_of(Op op) {
  switch (op) {
    case Op::sqrt:
    case Op::rsqrt:
    case Op::reciprocal:
    case Op::log:
    case Op::log1p:
    case Op::div:
    case Op::pow:
      return {Fill::positive};
    case Op::abs:
    case Op::sign:
    case Op::floor:
    case Op::relu:
    case Op::max:
    case Op::min:
    case Op::greater:
    case Op::greater_equal:
    case Op::equal:
    case Op::select:
      return {Fill::apart, Fill::whole};
    default:
      return {Fill::normal};
  }
}

std::vector<Case> cast_cases() {
  std::vector<Case> all;
  for (DType from : kTypes) {
    for (DType to : kTypes) {
      for (const Shape& shape : {Shape{33, 17}, Shape{}, Shape{7, 5, 7, 1}}) {
        // An integer takes no negative number of a byte, and no byte a larger one.
        const Fill fill = is_float(from) && is_float(to) ? Fill::normal : Fill::bytes;
        all.push_back(plain_case(
            Op::cast,
            std::string(to_string(from)) + to_string(shape) + " to " + std::string(to_string(to)),
            {{"a", {shape, from}, fill, is_float(to)}}, TypeAttributes{{shape, to}}));
      }
    }
  }
  return all;
}

}  // namespace

std::vector<Case> elementwise_cases(Op op) {
  if (op == Op::cast) return cast_cases();
  std::vector<Case> all;
  const auto add = [&](const Shape& shape, DType dtype, Fill fill) {
    std::vector<Input> inputs;
    for (int k = 0; k < info(op).least_inputs; ++k) {
      const bool is_condition = op == Op::select && k == 0;
      inputs.push_back({std::string(1, static_cast<char>('a' + k)),
                        {shape, dtype},
                        is_condition ? Fill::whole : fill,
                        !is_condition});
    }
    all.push_back(
        plain_case(op, std::string(to_string(dtype)) + to_string(shape), std::move(inputs)));
  };
  for (const Shape& shape : kShapes) {
    for (Fill fill : fills_of(op)) {
      add(shape, DType::f32, fill);
      add(shape, DType::f64, fill);
    }
    add(shape, DType::i32, Fill::counting);
    add(shape, DType::i64, Fill::counting);
  }
  return all;
}

}  // namespace treino::conformance
