// SPDX-License-Identifier: Apache-2.0
// The reference device's kernels: plain loops in double precision, one function an op.
#pragma once

#include <cstdint>
#include <vector>

#include "treino/runtime/program.h"

namespace treino::reference {

// A tensor of a step in memory. f32 and f64 elements are held as double; integers as they are
// typed.
struct View {
  TensorType type;
  void* data = nullptr;

  const Shape& shape() const { return type.shape; }
  std::int64_t size() const { return type.shape.elements(); }
  double* reals() const { return static_cast<double*>(data); }

  // Any element as a number, and a number into any element.
  double get(std::int64_t i) const;
  void set(std::int64_t i, double value) const;
};

struct Call {
  const Step& step;
  std::vector<View> in;
  std::vector<View> out;

  template <typename T>
  const T& attributes() const {
    return std::get<T>(step.attributes);
  }
};

using Kernel = void (*)(const Call&);

// The kernel of an op; null for ops that never reach a program (see kernel_table.cpp).
Kernel kernel_of(Op op);

// Value of an elementwise op at operands a, b, c (as many as it has).
double evaluate(Op op, double a, double b, double c);

void constant(const Call&);
void elementwise(const Call&);
void fused(const Call&);
void transpose(const Call&);
void broadcast(const Call&);
void copy(const Call&);
void reduce_sum(const Call&);
void reduce_max(const Call&);
void argmax(const Call&);
void window(const Call&);
void gather_rows(const Call&);
void scatter_rows(const Call&);
void one_hot(const Call&);
void dropout_mask(const Call&);
void augment(const Call&);
void matmul(const Call&);
void conv2d(const Call&);
void conv2d_grad_input(const Call&);
void conv2d_grad_kernel(const Call&);
void max_pool(const Call&);
void max_pool_grad(const Call&);
void avg_pool(const Call&);
void avg_pool_grad(const Call&);
void batch_norm(const Call&);
void batch_norm_grad(const Call&);
void batch_norm_pool(const Call&);
void batch_norm_pool_grad(const Call&);
void softmax(const Call&);
void cross_entropy(const Call&);

}  // namespace treino::reference
