// SPDX-License-Identifier: Apache-2.0
// Which steps share a launch, and, above all, which must not: where others read what would no
// longer be written, or something else is written in between.
#include <gtest/gtest.h>

#include "treino/backend/cuda/plan.h"

namespace treino::cuda {
namespace {

Tensor variable(int number, DType dtype, Shape shape) {
  Tensor tensor;
  tensor.space = Space::variable;
  tensor.variable = number;
  tensor.type = {shape, dtype};
  return tensor;
}
Tensor arena(std::int64_t offset, DType dtype, Shape shape) {
  Tensor tensor;
  tensor.offset = offset;
  tensor.type = {shape, dtype};
  return tensor;
}

Step fused(std::vector<Tensor> inputs, std::vector<Tensor> outputs,
           std::vector<FusedInstruction> instructions, std::vector<int> results) {
  const Shape shape = outputs[0].type.shape;
  return {Op::fused, FusedAttributes{shape, std::move(instructions), std::move(results)},
          std::move(inputs), std::move(outputs), ""};
}

// Row numbers, a gather of 8-bit rows, their scaling.
class CudaMerge : public testing::Test {
 protected:
  Tensor order = variable(0, DType::i32, Shape{100}), offset = variable(1, DType::i64, Shape{});
  Tensor table = variable(2, DType::u8, Shape{100, 8});
  Tensor labels = variable(3, DType::i32, Shape{100});
  Tensor rows = arena(0, DType::i32, Shape{4}), bytes = arena(256, DType::u8, Shape{4, 8});
  Tensor own = arena(512, DType::i32, Shape{4}), x = arena(1024, DType::f32, Shape{4, 8});
  Step window{Op::window, {}, {order, offset}, {rows}, ""};
  Step advance =
      fused({offset}, {offset},
            {{Op::constant, {}, 4, DType::i64}, {Op::add, {~0, 0, 0}, 0, DType::i64}}, {1});
  Step gather{Op::gather_rows, {}, {table, rows}, {bytes}, ""};
  Step gather_labels{Op::gather_rows, {}, {labels, rows}, {own}, ""};
  Step scale = fused({bytes}, {x},
                     {{Op::cast, {~0, 0, 0}, 0, DType::f32},
                      {Op::constant, {}, 0.5, DType::f32},
                      {Op::mul, {0, 1, 0}, 0, DType::f32}},
                     {2});

  Tensor mean = variable(7, DType::f32, Shape{8}), factor = variable(8, DType::f32, Shape{8});
  Step standardize = fused({bytes, factor, mean}, {x},
                           {{Op::cast, {~0, 0, 0}, 0, DType::f32},
                            {Op::mul, {0, ~1, 0}, 0, DType::f32},
                            {Op::add, {1, ~2, 0}, 0, DType::f32}},
                           {2});

  // The numbers of the program's steps that units are made of, in their order.
  static std::vector<int> numbers(const std::vector<Step>& steps) {
    program.steps = steps;
    std::vector<int> result;
    for (const Unit& unit : merged(program)) result.push_back(unit.number);
    return result;
  }
  static inline Program program;
};
using Numbers = std::vector<int>;

TEST_F(CudaMerge, GathersReadThroughTheWindowAndScaleBeforeItMovesOn) {
  EXPECT_EQ(numbers({window, advance, gather, gather_labels, scale}), (Numbers{3, 2, 1}));
  const auto units = merged(program);
  EXPECT_EQ(units[0].before, &program.steps[0]);
  EXPECT_EQ(units[1].before, &program.steps[0]);
  EXPECT_EQ(units[1].then, &program.steps[4]);
  EXPECT_EQ(units[1].reads().size(), 3U);  // table, order, offset
  EXPECT_EQ(units[1].writes().size(), 1U);
}

TEST_F(CudaMerge, AWindowThatSomethingElseReadsStays) {
  const Step copy{Op::assign, {}, {rows}, {variable(4, DType::i32, Shape{4})}, ""};
  EXPECT_EQ(numbers({window, advance, gather, copy, scale}), (Numbers{0, 1, 3, 2}));
}

TEST_F(CudaMerge, GatheredRowsThatSomethingElseReadsAreWritten) {
  const Step copy{Op::assign, {}, {bytes}, {variable(4, DType::u8, Shape{4, 8})}, ""};
  EXPECT_EQ(numbers({gather, copy, scale}), (Numbers{0, 1, 2}));
}

TEST_F(CudaMerge, ATableThatIsWrittenInBetweenIsReadBefore) {
  Step change{Op::assign, {}, {variable(4, DType::u8, Shape{100, 8})}, {table}, ""};
  EXPECT_EQ(numbers({gather, change, scale}), (Numbers{0, 1}));
  EXPECT_EQ(numbers({gather, change, standardize}), (Numbers{0, 1}));
  change.outputs.push_back(mean);  // what the group waits for
  EXPECT_EQ(numbers({gather, change, scale}), (Numbers{0, 1}));
  EXPECT_EQ(numbers({gather, change, standardize}), (Numbers{0, 1, 2}));
}

TEST_F(CudaMerge, ResultsOverWhatTheKernelReadsStayApart) {
  Step over = scale;
  over.outputs[0] = arena(0, DType::f32, Shape{4, 8});  // where the row numbers were
  EXPECT_EQ(numbers({gather, over}), (Numbers{0, 1}));
}

TEST_F(CudaMerge, GroupsOfSingleNumbersArePartedUnlessOneOverwritesWhatTheOtherReads) {
  const Tensor a = variable(5, DType::f64, Shape{}), b = variable(6, DType::f64, Shape{});
  const std::vector<FusedInstruction> two{{Op::exp, {~0, 0, 0}, 0, DType::f64},
                                          {Op::add, {0, ~1, 0}, 0, DType::f64}};
  const Tensor result = arena(0, DType::f64, Shape{});
  EXPECT_EQ(numbers({fused({a, b}, {result, b}, two, {0, 1})}), (Numbers{0, 0}));
  EXPECT_EQ(numbers({fused({a, b}, {result, a}, two, {0, 1})}), (Numbers{0}));
}

}  // namespace
}  // namespace treino::cuda
