// SPDX-License-Identifier: Apache-2.0
#include "treino/runtime/work.h"

#include <gtest/gtest.h>

namespace treino {
namespace {

Tensor tensor(Shape shape, DType dtype = DType::f32) {
  Tensor result;
  result.type = {shape, dtype};
  return result;
}

TEST(Work, AProductTakesTwoOperationsAMultiplyAdd) {
  const Step step{Op::matmul,
                  MatmulAttributes{},
                  {tensor({32, 784}), tensor({784, 128})},
                  {tensor({32, 128})},
                  ""};
  EXPECT_EQ(work_of(step).flops, 2.0 * 32 * 784 * 128);
  EXPECT_EQ(work_of(step).bytes, 4.0 * (32 * 784 + 784 * 128 + 32 * 128));
}

TEST(Work, TransposingAnOperandChangesNothing) {
  const Step step{Op::matmul,
                  MatmulAttributes{.transpose_a = true},
                  {tensor({32, 784}), tensor({32, 128})},
                  {tensor({784, 128})},
                  ""};
  EXPECT_EQ(work_of(step).flops, 2.0 * 32 * 784 * 128);
}

TEST(Work, ConvolutionAndItsGradientsTakeTheSame) {
  WindowAttributes window;
  window.size = {3, 3};
  window.input = Shape{32, 15, 15, 32};
  window.kernel = Shape{3, 3, 32, 64};
  const Tensor x = tensor(window.input), y = tensor({32, 13, 13, 64}), w = tensor(window.kernel);
  const double flops = 2.0 * 32 * 3'115'008;  // multiply-adds a sample
  EXPECT_EQ(work_of({Op::conv2d, window, {x, w}, {y}, ""}).flops, flops);
  EXPECT_EQ(work_of({Op::conv2d_grad_input, window, {y, w}, {x}, ""}).flops, flops);
  EXPECT_EQ(work_of({Op::conv2d_grad_kernel, window, {x, y}, {w}, ""}).flops, flops);
}

TEST(Work, AGatherMovesWhatItTakesNotTheTable) {
  const Step step{Op::gather_rows,
                  NoAttributes{},
                  {tensor({60000, 784}, DType::u8), tensor({32}, DType::i32)},
                  {tensor({32, 784}, DType::u8)},
                  ""};
  EXPECT_EQ(work_of(step).flops, 0);
  EXPECT_EQ(work_of(step).bytes, 2.0 * 32 * 784);
}

TEST(Work, AFusedGroupCountsItsInstructions) {
  FusedAttributes group;
  group.shape = Shape{10};
  group.instructions = {{Op::constant, {}, 2, DType::f32}, {Op::mul, {~0, 0}}, {Op::add, {1, ~0}}};
  group.outputs = {2};
  EXPECT_EQ(work_of({Op::fused, group, {tensor({10})}, {tensor({10})}, ""}).flops, 20);
}

}  // namespace
}  // namespace treino
