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

// Batch norm and the group that reads it: relu with what its gradient takes, or a residual's sum.
class CudaMergeNorm : public CudaMerge {
 protected:
  static constexpr Index kChannels = 8;
  static Tensor picture(std::int64_t offset, Index channels = kChannels) {
    return arena(offset, DType::f32, Shape{2, 3, 3, channels});
  }
  static Step norm_of(Index channels) {
    const auto each = [&](int number) { return variable(number, DType::f32, Shape{channels}); };
    return {Op::batch_norm,
            NormAttributes{},
            {picture(0, channels), each(0), each(1)},
            {picture(1024, channels), each(2), each(3)},
            ""};
  }
  static Step relu_of(const Tensor& x, const Tensor& y, const Tensor& mask) {
    return fused({x}, {y, mask},
                 {{Op::relu, {~0, 0, 0}, 0, DType::f32},
                  {Op::constant, {}, 0, DType::f32},
                  {Op::greater, {0, 1, 0}, 0, DType::f32}},
                 {0, 2});
  }
  static Step relu_add_of(const Tensor& x, const Tensor& more) {
    return fused({x, more}, {picture(2048), picture(3072)},
                 {{Op::relu, {~0, 0, 0}, 0, DType::f32},
                  {Op::add, {0, ~1, 0}, 0, DType::f32},
                  {Op::constant, {}, 0, DType::f32},
                  {Op::greater, {0, 2, 0}, 0, DType::f32}},
                 {1, 3});
  }

  Step norm = norm_of(kChannels);
  Tensor x = picture(0), normal = picture(1024), more = picture(4096);
  Step relu = relu_of(normal, picture(2048), picture(3072));
  Step relu_add = relu_add_of(normal, more);
};

TEST_F(CudaMergeNorm, EndsWithRelu) {
  EXPECT_EQ(numbers({norm, relu}), (Numbers{0}));
  const auto units = merged(program);
  EXPECT_EQ(units[0].then, &program.steps[1]);
  EXPECT_FALSE(units[0].keeps);
  EXPECT_EQ(units[0].reads().size(), 3U);   // x, gamma, beta
  EXPECT_EQ(units[0].writes().size(), 4U);  // mean, variance, relu and its mask
  // In the place of what nothing else reads.
  EXPECT_EQ(numbers({norm, relu_of(normal, normal, picture(3072))}), (Numbers{0}));
}

TEST_F(CudaMergeNorm, WritesWhatOthersRead) {
  const Step copy{Op::assign, {}, {normal}, {variable(9, DType::f32, normal.type.shape)}, ""};
  EXPECT_EQ(numbers({norm, relu, copy}), (Numbers{0, 2}));
  EXPECT_TRUE(merged(program)[0].keeps);
  EXPECT_EQ(merged(program)[0].writes().size(), 5U);
  EXPECT_EQ(numbers({norm, copy, relu_of(normal, normal, picture(3072))}), (Numbers{0, 1, 2}));
}

TEST_F(CudaMergeNorm, WaitsForWhatAResidualAdds) {
  const Step make{Op::assign, {}, {variable(9, DType::f32, more.type.shape)}, {more}, ""};
  EXPECT_EQ(numbers({norm, make, relu_add}), (Numbers{1, 0}));
  EXPECT_EQ(merged(program)[1].reads().size(), 4U);
  // What is added may follow from the mean, which the norm itself makes.
  const Step late{Op::broadcast, {}, {norm.outputs[1]}, {more}, ""};
  EXPECT_EQ(numbers({norm, late, relu_add}), (Numbers{0, 1, 2}));
}

TEST_F(CudaMergeNorm, OtherGroupsStayApart) {
  EXPECT_EQ(numbers({norm, relu_add_of(more, normal)}), (Numbers{0, 1}));    // adds the norm
  EXPECT_EQ(numbers({norm, relu_add_of(normal, normal)}), (Numbers{0, 1}));  // reads it twice
  EXPECT_EQ(numbers({norm, relu_of(normal, x, picture(3072))}), (Numbers{0, 1}));
  const Tensor mean = norm.outputs[1];
  EXPECT_EQ(numbers({norm, relu_of(mean, variable(4, DType::f32, mean.type.shape),
                                   variable(5, DType::f32, mean.type.shape))}),
            (Numbers{0, 1}));
  EXPECT_EQ(numbers({norm_of(6), relu_of(picture(1024, 6), picture(2048, 6), picture(3072, 6))}),
            (Numbers{0, 1}));  // no four channels at a time
}

}  // namespace
}  // namespace treino::cuda
