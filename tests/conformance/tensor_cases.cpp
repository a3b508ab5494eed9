// SPDX-License-Identifier: Apache-2.0
// Movement, reductions, batches.
#include <algorithm>
#include <numeric>

#include "tests/conformance/case.h"
#include "treino/graph/build.h"

namespace treino::conformance {

namespace {

constexpr DType kTypes[] = {DType::f32, DType::f64, DType::u8, DType::i32, DType::i64};

std::string text(DType dtype, const Shape& shape) {
  return std::string(to_string(dtype)) + to_string(shape);
}

std::string digits(const std::vector<int>& axes) {
  std::string all;
  for (int axis : axes) all += std::to_string(axis);
  return all;
}

void add_transposes(const Shape& shape, DType dtype, std::vector<Case>& all) {
  std::vector<int> axes(static_cast<std::size_t>(shape.rank()));
  std::iota(axes.begin(), axes.end(), 0);
  do {
    all.push_back(plain_case(Op::transpose, text(dtype, shape) + " axes " + digits(axes),
                             {{"a", {shape, dtype}, Fill::bytes}}, AxesAttributes{axes}));
  } while (std::next_permutation(axes.begin(), axes.end()));
}

void add_reshape(const Shape& from, const Shape& to, DType dtype, std::vector<Case>& all) {
  all.push_back(plain_case(Op::reshape, text(dtype, from) + " to " + to_string(to),
                           {{"a", {from, dtype}, Fill::bytes}}, TypeAttributes{{to, dtype}}));
}

void add_broadcast(const Shape& from, const Shape& to, DType dtype, std::vector<Case>& all) {
  all.push_back(plain_case(Op::broadcast, text(dtype, from) + " to " + to_string(to),
                           {{"a", {from, dtype}, Fill::bytes}}, TypeAttributes{{to, dtype}}));
}

}  // namespace

std::vector<Case> movement_cases(Op op) {
  std::vector<Case> all;
  for (DType dtype : kTypes) {
    if (op == Op::transpose) {
      add_transposes({33, 17}, dtype, all);
      add_transposes({7, 5, 7}, dtype, all);
      add_transposes({1, 17}, dtype, all);
      add_transposes({5, 1, 17, 3}, dtype, all);
    } else if (op == Op::reshape) {
      add_reshape({7, 5, 7, 1}, {7, 35}, dtype, all);
      add_reshape({1, 1, 1, 17}, {17}, dtype, all);
      add_reshape({33, 1, 1, 1}, {33, 1}, dtype, all);
      add_reshape({1}, {}, dtype, all);
    } else if (op == Op::broadcast) {
      add_broadcast({}, {33, 17}, dtype, all);
      add_broadcast({17}, {7, 5, 7, 17}, dtype, all);
      add_broadcast({5, 1, 17}, {33, 5, 7, 17}, dtype, all);
      add_broadcast({33, 1, 1, 1}, {33, 5, 7, 17}, dtype, all);
      add_broadcast({1, 1}, {1, 1, 1}, dtype, all);
      add_broadcast({7, 1}, {7, 1}, dtype, all);
    }
  }
  return all;
}

std::vector<Case> reduction_cases(Op op) {
  std::vector<Case> all;
  const Shape shapes[] = {{1},           {33},           {33, 17},   {7, 5, 7, 1},
                          {1, 5, 7, 17}, {33, 1, 1, 17}, {3, 700, 5}};
  for (const Shape& shape : shapes) {
    if (op == Op::argmax) {
      for (Fill fill : {Fill::apart, Fill::whole})
        all.push_back(plain_case(op, text(DType::f32, shape), {{"a", {shape, DType::f32}, fill}}));
      continue;
    }
    if (op != Op::reduce_sum && op != Op::reduce_max) return {};
    for (unsigned chosen = 1; chosen < 1U << shape.rank(); ++chosen) {
      std::vector<int> axes;
      for (int axis = 0; axis < shape.rank(); ++axis)
        if ((chosen >> axis & 1U) != 0) axes.push_back(axis);
      for (DType dtype : {DType::f32, DType::f64}) {
        all.push_back(plain_case(op, text(dtype, shape) + " over " + digits(axes),
                                 {{"a", {shape, dtype}}}, AxesAttributes{axes}));
      }
    }
  }
  return all;
}

namespace {

// Every change, of bytes and of numbers; a picture of one row or column among them.
std::vector<Case> augment_cases() {
  std::vector<AugmentAttributes> changes;
  for (const std::array<bool, 2> axes : {std::array{true, false}, {false, true}, {true, true}})
    changes.push_back({.change = Change::flip, .axes = axes, .probability = 0.5});
  for (Border border : {Border::zero, Border::edge, Border::reflect}) {
    changes.push_back({.change = Change::shift, .reach = {4, 2}, .border = border});
    changes.push_back({.change = Change::shift, .reach = {0, 40}, .border = border});
    changes.push_back({.change = Change::rotate, .amount = 180, .border = border});
  }
  changes.push_back({.change = Change::cutout, .reach = {5, 5}, .probability = 0.8});
  changes.push_back({.change = Change::cutout, .reach = {100, 1}});
  for (Change change : {Change::brightness, Change::contrast, Change::mixup}) {
    changes.push_back({.change = change, .stream = 7, .amount = 0.3});
    changes.push_back({.change = change, .amount = 1});
  }
  std::vector<Case> all;
  for (const AugmentAttributes& change : changes) {
    for (DType dtype : {DType::u8, DType::f32}) {
      for (const Shape& shape :
           {Shape{1, 5, 7, 3}, Shape{33, 9, 8, 1}, Shape{7, 1, 17, 2}, Shape{5, 12, 1, 4}}) {
        all.push_back(plain_case(Op::augment, to_string(change) + " of " + text(dtype, shape),
                                 {{"samples", {shape, dtype}, Fill::bytes},
                                  {"seed", {Shape{}, DType::i64}, Fill::bytes},
                                  {"position", {Shape{}, DType::i64}, Fill::bytes}},
                                 change));
      }
    }
  }
  for (const Shape& shape : {Shape{7, 10}, Shape{33, 1}, Shape{1, 3}}) {  // targets are mixed too
    all.push_back(plain_case(Op::augment, "mixup of " + text(DType::f32, shape),
                             {{"samples", {shape, DType::f32}},
                              {"seed", {Shape{}, DType::i64}, Fill::bytes},
                              {"position", {Shape{}, DType::i64}, Fill::bytes}},
                             AugmentAttributes{.change = Change::mixup, .amount = 0.4}));
  }
  return all;
}

}  // namespace

std::vector<Case> batch_cases(Op op) {
  if (op == Op::augment) return augment_cases();
  std::vector<Case> all;
  for (std::int64_t batch : {1, 7, 33}) {
    if (op == Op::window) {
      for (Fill start : {Fill::whole, Fill::bytes}) {  // bytes: beyond the table
        all.push_back(plain_case(op, "of " + std::to_string(batch),
                                 {{"table", {Shape{batch + 4}, DType::i32}, Fill::bytes},
                                  {"start", {Shape{}, DType::i64}, start}},
                                 TypeAttributes{{Shape{batch}, DType::i32}}));
      }
    } else if (op == Op::gather_rows) {
      for (const Shape& table : {Shape{5}, Shape{5, 17}, Shape{6, 5, 7, 1}, Shape{5, 1, 1, 17}}) {
        for (DType dtype : kTypes) {
          all.push_back(plain_case(op, std::to_string(batch) + " of " + text(dtype, table),
                                   {{"table", {table, dtype}, Fill::bytes},
                                    {"rows", {Shape{batch}, DType::i32}, Fill::whole}}));
          all.push_back(plain_case(op, std::to_string(batch) + " beyond " + text(dtype, table),
                                   {{"table", {table, dtype}, Fill::bytes},
                                    {"rows", {Shape{batch}, DType::i32}, Fill::bytes}}));
        }
      }
    } else if (op == Op::scatter_rows) {
      for (const Shape& table :
           {Shape{5}, Shape{5, 17}, Shape{1, 3}, Shape{4000, 16}, Shape{6, 5, 7, 1}}) {
        Shape dy = table;
        dy[0] = batch;
        for (Fill rows : {Fill::whole, Fill::bytes}) {  // bytes: some beyond the table
          all.push_back(
              plain_case(op, std::to_string(batch) + " into " + to_string(table),
                         {{"dy", {dy, DType::f32}}, {"rows", {Shape{batch}, DType::i32}, rows}},
                         TypeAttributes{{table, DType::f32}}));
        }
      }
    } else if (op == Op::one_hot) {
      for (std::int64_t classes : {1, 3, 17}) {  // labels up to 4: some beyond the classes
        const TensorType type{Shape{batch, classes}, DType::f32};
        all.push_back(plain_case(op, to_string(type.shape),
                                 {{"labels", {Shape{batch}, DType::i32}, Fill::whole}},
                                 TypeAttributes{type}));
      }
    } else if (op == Op::dropout_mask) {
      for (double rate : {0.0, 0.3, 0.5, 0.999}) {
        for (const Shape& shape :
             {Shape{batch, 1}, Shape{batch, 5, 7, 17}, Shape{batch, 1, 1, 3}}) {
          all.push_back(plain_case(op, to_string(shape) + " rate " + std::to_string(rate),
                                   {{"seed", {Shape{}, DType::i64}, Fill::bytes},
                                    {"position", {Shape{}, DType::i64}, Fill::bytes}},
                                   DropoutAttributes{rate, 3, {shape, DType::f32}}));
        }
      }
    }
  }
  return all;
}

}  // namespace treino::conformance
