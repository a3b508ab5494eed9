// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "treino/backend/reference/kernels.h"

namespace treino::reference {

namespace {

constexpr Kernel choose(Op op) {
  if (info(op).kind == OpKind::elementwise) return elementwise;
  switch (op) {
    case Op::constant:
      return constant;
    case Op::reshape:
    case Op::assign:
      return copy;
    case Op::transpose:
      return transpose;
    case Op::broadcast:
      return broadcast;
    case Op::reduce_sum:
      return reduce_sum;
    case Op::reduce_max:
      return reduce_max;
    case Op::argmax:
      return argmax;
    case Op::window:
      return window;
    case Op::gather_rows:
      return gather_rows;
    case Op::scatter_rows:
      return scatter_rows;
    case Op::one_hot:
      return one_hot;
    case Op::dropout_mask:
      return dropout_mask;
    case Op::augment:
      return augment;
    case Op::matmul:
      return matmul;
    case Op::conv2d:
      return conv2d;
    case Op::conv2d_grad_input:
      return conv2d_grad_input;
    case Op::conv2d_grad_kernel:
      return conv2d_grad_kernel;
    case Op::max_pool:
      return max_pool;
    case Op::max_pool_grad:
      return max_pool_grad;
    case Op::avg_pool:
      return avg_pool;
    case Op::avg_pool_grad:
      return avg_pool_grad;
    case Op::batch_norm:
      return batch_norm;
    case Op::batch_norm_grad:
      return batch_norm_grad;
    case Op::batch_norm_pool:
      return batch_norm_pool;
    case Op::batch_norm_pool_grad:
      return batch_norm_pool_grad;
    case Op::softmax:
      return softmax;
    case Op::cross_entropy:
      return cross_entropy;
    case Op::fused:
      return fused;
    default:
      return nullptr;
  }
}

constexpr std::array<Kernel, kOpCount> make_table() {
  std::array<Kernel, kOpCount> table{};
  for (int i = 0; i < kOpCount; ++i)
    table[static_cast<std::size_t>(i)] = choose(static_cast<Op>(i));
  return table;
}

constexpr auto kTable = make_table();

constexpr bool is_complete() {
  for (int i = 0; i < kOpCount; ++i) {
    const Op op = static_cast<Op>(i);
    const bool never_runs = op == Op::variable || info(op).kind == OpKind::placeholder;
    if ((choose(op) == nullptr) != never_runs) return false;
  }
  return true;
}
static_assert(is_complete(), "every op a program can hold needs a reference kernel");

}  // namespace

Kernel kernel_of(Op op) {
  return kTable[static_cast<std::size_t>(op)];
}

}  // namespace treino::reference
