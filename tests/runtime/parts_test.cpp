// SPDX-License-Identifier: Apache-2.0
#include "treino/runtime/parts.h"

#include <gtest/gtest.h>

namespace treino {
namespace {

Tensor number(int variable) {
  return {Space::variable, variable, 0, {Shape{}, DType::f64}};
}

// first = exp(a), second = exp(a) + b.
Step two(const Tensor& a, const Tensor& b, const Tensor& first, const Tensor& second) {
  FusedAttributes group{
      Shape{},
      {{Op::exp, {~0, 0, 0}, 0, DType::f64}, {Op::add, {0, ~1, 0}, 0, DType::f64}},
      {0, 1}};
  return {Op::fused, group, {a, b}, {first, second}, "scope"};
}

TEST(Parts, AnOutputHasTheInputsAndInstructionsItNeeds) {
  const auto parts = parts_of(two(number(0), number(1), number(2), number(3)));
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0].inputs.size(), 1U);
  EXPECT_EQ(std::get<FusedAttributes>(parts[0].attributes).instructions.size(), 1U);
  EXPECT_EQ(parts[0].outputs[0].variable, 2);
  EXPECT_EQ(parts[1].inputs.size(), 2U);
  EXPECT_EQ(std::get<FusedAttributes>(parts[1].attributes).instructions.size(), 2U);
  EXPECT_EQ(parts[1].outputs[0].variable, 3);
  EXPECT_EQ(parts[1].scope, "scope");
}

TEST(Parts, NoneWhereOneIsWrittenOverWhatTheOtherReads) {
  EXPECT_TRUE(parts_of(two(number(0), number(1), number(2), number(0))).empty());
  EXPECT_EQ(parts_of(two(number(0), number(1), number(2), number(1))).size(), 2U);
}

TEST(Parts, NoneWhereAllNeedTheSame) {
  Step same = two(number(0), number(1), number(2), number(3));
  std::get<FusedAttributes>(same.attributes).outputs = {1, 1};
  EXPECT_TRUE(parts_of(same).empty());
}

}  // namespace
}  // namespace treino
