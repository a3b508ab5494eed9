// SPDX-License-Identifier: Apache-2.0
// Products, norms, softmax; and the ops that are no arithmetic: sources, effects, fused groups.
#include "tests/conformance/case.h"
#include "treino/graph/build.h"

namespace treino::conformance {

namespace {

TensorType f32(const Shape& shape) {
  return {shape, DType::f32};
}

Value reduce_all(Value a) {
  std::vector<int> axes;
  for (int axis = 0; axis < a.shape().rank(); ++axis) axes.push_back(axis);
  return graph::reduce_sum(a, axes);
}

// A group of 8-bit x, a row and a scalar.
Case case_of_bytes(const std::string& name, const FusedAttributes& group) {
  return plain_case(Op::fused, name,
                    {{"x", {group.shape, DType::u8}, Fill::bytes},
                     {"row", f32(Shape{group.shape.back()})},
                     {"scalar", f32({})}},
                    group);
}

// Relu of a product with a row and a scalar, also the product itself; x is read as 8 bits.
Case fused_case(const Shape& shape) {
  FusedAttributes group;
  group.shape = shape;
  group.instructions = {
      {Op::cast, {~0}, 0, DType::f32},   {Op::constant, {}, 1 / 255.0, DType::f32},
      {Op::mul, {0, 1}, 0, DType::f32},  {Op::mul, {2, ~1}, 0, DType::f32},
      {Op::add, {3, ~2}, 0, DType::f32}, {Op::relu, {4}, 0, DType::f32}};
  group.outputs = {5, 3};
  return case_of_bytes(to_string(shape), group);
}

// Bytes that are scaled on their way: in a sum, and beside another use of them.
Case fused_bytes(const Shape& shape) {
  FusedAttributes group;
  group.shape = shape;
  group.instructions = {{Op::cast, {~0}, 0, DType::f32},  {Op::constant, {}, 1 / 255.0, DType::f32},
                        {Op::mul, {1, 0}, 0, DType::f32}, {Op::add, {2, ~1}, 0, DType::f32},
                        {Op::cast, {~0}, 0, DType::f32},  {Op::mul, {4, ~2}, 0, DType::f32},
                        {Op::sub, {5, 4}, 0, DType::f32}, {Op::cast, {~0}, 0, DType::f32},
                        {Op::mul, {~2, 7}, 0, DType::f32}};
  group.outputs = {3, 6, 8};
  return case_of_bytes("bytes " + to_string(shape), group);
}

// A group of numbers of f64 and of integers, as a step's counters and metrics are.
Case fused_scalars() {
  FusedAttributes group;
  group.instructions = {{Op::cast, {~0}, 0, DType::f64},  {Op::constant, {}, 0.999, DType::f64},
                        {Op::pow, {1, 0}, 0, DType::f64}, {Op::constant, {}, 1, DType::f64},
                        {Op::sub, {3, 2}, 0, DType::f64}, {Op::sqrt, {4}, 0, DType::f64}};
  group.outputs = {5, 0};
  return plain_case(Op::fused, "scalars", {{"step", {Shape{}, DType::i64}, Fill::counting}}, group);
}

}  // namespace

std::vector<Case> product_cases(Op op) {
  std::vector<Case> all;
  if (op != Op::matmul) return all;
  for (std::int64_t m : {1, 7, 33}) {
    for (auto [k, n] :
         {std::array<std::int64_t, 2>{1, 1}, {1, 17}, {17, 1}, {35, 10}, {129, 65}, {784, 33}}) {
      for (int which = 0; which < 4; ++which) {
        const bool ta = which % 2 == 1, tb = which / 2 == 1;
        const Shape a = ta ? Shape{k, m} : Shape{m, k}, b = tb ? Shape{n, k} : Shape{k, n};
        const std::string name = to_string(a) + (ta ? "' " : " ") + to_string(b) + (tb ? "'" : "");
        all.push_back(
            plain_case(op, name, {{"a", f32(a)}, {"b", f32(b)}}, MatmulAttributes{ta, tb}));
        all.push_back(plain_case(op, name + " with bias and relu",
                                 {{"a", f32(a), Fill::normal, false},
                                  {"b", f32(b), Fill::normal, false},
                                  {"bias", f32(Shape{n}), Fill::normal, false}},
                                 MatmulAttributes{ta, tb, m == 7 ? Op::cast : Op::relu}));
      }
    }
  }
  // Extents in eights, which a GPU's libraries have kernels for.
  for (int which = 0; which < 4; ++which) {
    const bool ta = which % 2 == 1, tb = which / 2 == 1;
    const Shape a = ta ? Shape{600, 16} : Shape{16, 600}, b = tb ? Shape{24, 600} : Shape{600, 24};
    all.push_back(plain_case(op, to_string(a) + (ta ? "' " : " ") + to_string(b) + (tb ? "'" : ""),
                             {{"a", f32(a)}, {"b", f32(b)}}, MatmulAttributes{ta, tb}));
  }
  return all;
}

std::vector<Case> norm_cases(Op op) {
  std::vector<Case> all;
  if (op == Op::batch_norm || op == Op::batch_norm_grad) {
    for (const Shape& x :
         {Shape{33, 17}, Shape{7, 1}, Shape{1, 5, 7, 1}, Shape{1, 5, 7, 17}, Shape{7, 5, 7, 17},
          Shape{33, 1, 1, 17}, Shape{33, 12, 11, 32}, Shape{1, 1, 1, 17}}) {
      const Input image{"x", f32(x)}, gamma{"gamma", f32(Shape{x.back()})},
          beta{"beta", f32(Shape{x.back()})};
      const NormAttributes norm{1e-3};
      if (op == Op::batch_norm) {
        all.push_back(plain_case(op, to_string(x), {image, gamma, beta}, norm));
      } else {
        all.push_back({to_string(x),
                       {{"dy", f32(x)}, image, gamma},
                       [norm](Graph& graph, const std::vector<Value>& in) {
                         const auto y = graph::batch_norm(in[1], in[2], in[2], norm.epsilon);
                         return graph.add(Op::batch_norm_grad,
                                          {in[0], in[1], in[2], y.mean, y.variance}, norm);
                       }});
      }
    }
    return all;
  }
  for (std::int64_t rows : {1, 7, 33}) {
    for (std::int64_t columns : {1, 10, 17, 1000}) {
      const Shape shape{rows, columns};
      if (op == Op::softmax) {
        all.push_back(plain_case(op, to_string(shape), {{"z", f32(shape)}}));
        if (columns == 17)
          all.push_back(plain_case(op, "of pixels", {{"z", f32({rows, 5, 7, columns})}}));
      } else if (op == Op::cross_entropy) {
        all.push_back(plain_case(op, to_string(shape),
                                 {{"z", f32(shape)}, {"t", f32(shape), Fill::positive, false}}));
      }
    }
  }
  return all;
}

std::vector<Case> special_cases(Op op) {
  std::vector<Case> all;
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{33, 17}, Shape{7, 5, 7, 1}}) {
    for (DType dtype : {DType::f32, DType::f64, DType::u8, DType::i32, DType::i64}) {
      const std::string name = std::string(to_string(dtype)) + to_string(shape);
      if (op == Op::constant) {
        all.push_back(plain_case(op, name, {}, ConstantAttributes{3, {shape, dtype}}));
      } else if (op == Op::variable) {  // read, and still what it was
        all.push_back({name,
                       {{"a", {shape, dtype}, Fill::bytes}},
                       [](Graph&, const std::vector<Value>& in) { return in[0]; }});
      } else if (op == Op::assign) {  // a swap: both old values are read before either is written
        all.push_back({name,
                       {{"a", {shape, dtype}, Fill::bytes}, {"b", {shape, dtype}, Fill::bytes}},
                       [](Graph&, const std::vector<Value>& in) {
                         graph::assign(in[0], in[1]);
                         graph::assign(in[1], in[0]);
                         return in[0];
                       }});
      } else if (op == Op::gradient && dtype == DType::f32) {
        all.push_back({name, {{"a", {shape, dtype}}}, [](Graph&, const std::vector<Value>& in) {
                         return graph::gradient(reduce_all(graph::tanh(in[0])), in[0]);
                       }});
      }
    }
  }
  if (op == Op::fused) {
    for (const Shape& shape : {Shape{1}, Shape{7, 1}, Shape{33, 17}, Shape{33, 5, 7, 17}}) {
      all.push_back(fused_case(shape));
      all.push_back(fused_bytes(shape));
    }
    all.push_back(fused_scalars());
  }
  return all;
}

}  // namespace treino::conformance
