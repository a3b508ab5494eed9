// SPDX-License-Identifier: Apache-2.0
// Which kernels end with which groups.
#include <limits>

#include "treino/backend/cuda/plan.h"
#include "treino/runtime/tensor_bytes.h"

namespace treino::cuda {

namespace {

bool is_product(const Step& step) {
  if (step.outputs[0].type.dtype != DType::f32) return false;
  if (step.op == Op::matmul || step.op == Op::conv2d) return true;
  return (step.op == Op::conv2d_grad_input || step.op == Op::conv2d_grad_kernel) &&
         std::get<WindowAttributes>(step.attributes).groups == 1;
}

bool is_one_launch(const Step& sum) {
  const Index count = sum.outputs[0].type.shape.elements();
  return count > 0 && chunks_for(count, sum.inputs[0].type.shape.elements() / count) == 1;
}

// Whether it is a batch norm whose elements a thread makes four at a time, at offsets of an int.
bool takes_neighbours(const Step& norm) {
  if (norm.op != Op::batch_norm) return false;
  const Shape& shape = norm.outputs[0].type.shape;
  return shape.back() % 4 == 0 && shape.elements() <= std::numeric_limits<int>::max();
}

// A group that may be one of known_groups.def.
struct Group {
  const Step& step;
  WrittenGroup written;

  template <typename Known>
  bool is() const {
    constexpr GroupText kText{Known::kText};
    bool same_type = false;
    with_type(step.outputs[0].type.dtype, [&](auto element) {
      same_type = std::is_same_v<decltype(element), typename Known::Type>;
    });
    return same_type && written.text == Known::kText && step.inputs.size() == kText.inputs &&
           written.constants.size() == kText.constants;
  }
};

}  // namespace

int hands_to(const Step& maker, const Step& step) {
  const Group group{step, write_group(step)};
  const auto reads = [&](std::size_t input, std::size_t output) {
    return same_place(step.inputs[input], maker.outputs[output]);
  };
  const auto reads_first = [&](std::size_t input) { return reads(input, 0) ? 0 : -1; };
  if (maker.op == Op::gather_rows && maker.outputs[0].type.dtype == DType::u8) {
    const bool scales = group.is<group::scale_bytes>() || group.is<group::standardize_bytes>();
    return scales ? reads_first(0) : -1;
  }
  const bool product = is_product(maker);
  const bool sum = maker.op == Op::reduce_sum && is_one_launch(maker);
  // As operands.h has it (kResults).
  const bool numbers = product && maker.op != Op::conv2d_grad_kernel;
  const bool gradient =
      (product && (maker.op == Op::matmul || maker.op == Op::conv2d_grad_kernel)) || sum;
  if (gradient && group.is<group::adam>()) return reads_first(0);
  if ((numbers && group.is<group::mul>()) || (sum && group.is<group::add_f64>()))
    return reads(0, 0) ? 0 : reads_first(1);
  if (sum && group.is<group::mul_constant>()) return reads_first(0);
  if (numbers && group.is<group::relu_grad>()) return reads_first(1);
  if (numbers && group.is<group::relu_dropout_grad>()) return reads_first(0);
  if (takes_neighbours(maker)) {
    if (group.is<group::relu>()) return reads_first(0);
    if (group.is<group::relu_add>()) return reads(1, 0) ? -1 : reads_first(0);
  }
  if (maker.op == Op::cross_entropy && group.is<group::cross_entropy_grad>()) {
    const Shape &rows = maker.outputs[0].type.shape, &sums = step.inputs[0].type.shape;
    const bool by_rows = sums.rank() == 2 && sums[0] == rows[0] && sums[1] == 1;
    return by_rows && reads(1, 1) && same_place(step.inputs[2], maker.inputs[1]) ? 1 : -1;
  }
  return -1;
}

bool takes_from(const Step& maker, const Step& reader) {
  const Tensor& made = maker.outputs[0];
  if (maker.op == Op::window) {
    return reader.op == Op::gather_rows && same_place(reader.inputs[1], made) &&
           !overlap(reader.inputs[0], made);
  }
  if (maker.op != Op::fused || reader.op != Op::reduce_sum || maker.outputs.size() != 1)
    return false;
  const Group group{maker, write_group(maker)};
  return (group.is<group::f32_as_f64>() || group.is<group::i32_as_f64>()) &&
         same_place(reader.inputs[0], made);
}

bool reads_back(const Step& group) {
  return Group{group, write_group(group)}.is<group::adam>();
}

}  // namespace treino::cuda
