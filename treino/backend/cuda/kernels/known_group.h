// SPDX-License-Identifier: Apache-2.0
// Groups of elementwise ops that networks are full of, each compiled from its text: instructions of
// the group's type in their order, operands  i0 an input of the group's type and shape, s0 one of
// one element, b0 any other that broadcasts; u0 n0 l0 f0 d0 an input of the group's shape and of
// u8, i32, i64, f32, f64, which a cast reads; c0 a constant, t0 the result of an instruction
// (constants do not count). After "->" come the results that are kept.
#pragma once

#include <string_view>
#include <utility>

#include "treino/backend/cuda/kernels/movement.h"
#include "treino/backend/cuda/kernels/runs.h"
#include "treino/backend/cuda/kernels/scalar.h"

namespace treino::cuda {

// A text read.
struct GroupText {
  static constexpr int kMost = 8;  // inputs, constants, outputs

  struct Operand {
    char kind = 0;
    int number = 0;
  };
  struct Instruction {
    Op op{};
    Operand operands[3];
  };
  Instruction instruction[24];
  int output[kMost] = {};
  char input[kMost] = {};  // kinds
  int instructions = 0, inputs = 0, constants = 0, outputs = 0;

  constexpr explicit GroupText(std::string_view text) {
    while (text[0] != '-') {
      Instruction& one = instruction[instructions++];
      const std::string_view called = text.substr(0, text.find('('));
      one.op = op_called(called);
      text.remove_prefix(called.size());
      for (int k = 0; text[0] != ')'; ++k) {
        const Operand operand = one.operands[k] = {text[1], text[2] - '0'};
        text.remove_prefix(3);
        if (text[0] != ',' && text[0] != ')') {  // two digits
          one.operands[k].number = operand.number * 10 + (text[0] - '0');
          text.remove_prefix(1);
        }
        note(one.operands[k]);
      }
      text.remove_prefix(2);
    }
    text.remove_prefix(2);
    while (!text.empty()) {
      int number = 0;
      for (text.remove_prefix(2); !text.empty() && text[0] != ' '; text.remove_prefix(1))
        number = number * 10 + (text[0] - '0');
      output[outputs++] = number;
    }
  }
  // Of the first so many inputs.
  constexpr int broadcasting(std::size_t count) const {
    int some = 0;
    for (std::size_t k = 0; k < count; ++k) some += input[k] == 'b';
    return some;
  }

 private:
  // No constant expression, and so no program, where there is none.
  static constexpr Op op_called(std::string_view called) {
    int op = 0;
    while (name(static_cast<Op>(op)) != called) ++op;
    return static_cast<Op>(op);
  }
  constexpr void note(Operand operand) {
    if (operand.kind == 't') return;
    if (operand.kind == 'c') {
      constants = operand.number < constants ? constants : operand.number + 1;
      return;
    }
    inputs = operand.number < inputs ? inputs : operand.number + 1;
    input[operand.number] = operand.kind;
  }
};

// What an input of that kind holds.
template <char kind, typename T>
using Stored = std::conditional_t<
    kind == 'u', std::uint8_t,
    std::conditional_t<
        kind == 'n', std::int32_t,
        std::conditional_t<
            kind == 'l', std::int64_t,
            std::conditional_t<kind == 'f', float, std::conditional_t<kind == 'd', double, T>>>>>;

struct InStep {
  TREINO_HOST_DEVICE Index operator()(Index i) const { return i; }
};

// All inputs of an element are read before its outputs are written: they may share storage. `Place`
// says where an 8-bit input has the element.
template <typename Group, typename Place = InStep>
struct KnownGroup {
  using T = typename Group::Type;
  static constexpr GroupText kText{Group::kText};
  static constexpr int kWalks = kText.broadcasting(kText.inputs);

  const void* in[kText.inputs];
  T* out[kText.outputs];
  T constants[kText.constants + 1];
  Walk walks[kWalks > 0 ? kWalks : 1];  // of broadcasting inputs
  Place place;

  TREINO_HOST_DEVICE void operator()(Index i) const {
    T inputs[kText.inputs];
    fetch_at<0>(i, inputs, std::make_index_sequence<kText.inputs>());
    put_at(i, inputs);
  }
  // As for the elements of some runs, whose first input is at hand: all others are on their way
  // before the first is used. Inputs are of the group's shape and type, or single.
  template <bool kWhole, int kRun, int kCount, typename RunOf>
  TREINO_HOST_DEVICE void end(const T (&first)[kCount], RunOf&& run_of) const {
    T inputs[kText.inputs][kCount];
#pragma unroll
    for (int i = 0; i < kCount; ++i) inputs[0][i] = first[i];
    fetch<kWhole, kRun>(inputs, run_of, std::make_index_sequence<kText.inputs>());
    T outputs[kText.outputs][kCount];
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      T some[kText.inputs], made[kText.outputs];
#pragma unroll
      for (int k = 0; k < kText.inputs; ++k) some[k] = inputs[k][i];
      evaluate_all(some, made);
#pragma unroll
      for (int k = 0; k < kText.outputs; ++k) outputs[k][i] = made[k];
    }
#pragma unroll
    for (int k = 0; k < kText.outputs; ++k) put_runs<kWhole, kRun>(out[k], run_of, outputs[k]);
  }
  // As for one element, whose first input is not known until the end.
  TREINO_HOST_DEVICE void fetch_one(Index i, T (&inputs)[kText.inputs]) const {
    fetch_at<1>(i, inputs, std::make_index_sequence<kText.inputs>());
  }
  TREINO_HOST_DEVICE void end_one(T first, const T (&others)[kText.inputs], Index i) const {
    T inputs[kText.inputs];
#pragma unroll
    for (int k = 0; k < kText.inputs; ++k) inputs[k] = k == 0 ? first : others[k];
    put_at(i, inputs);
  }

 private:
  // From input kFirst on; those before it are 0.
  template <std::size_t kFirst, std::size_t... kIn>
  TREINO_HOST_DEVICE void fetch_at(Index i, T (&inputs)[kText.inputs],
                                   std::index_sequence<kIn...>) const {
    ((inputs[kIn] = kIn < kFirst ? T{0} : input<kIn>(i)), ...);
  }
  TREINO_HOST_DEVICE void put_at(Index i, const T (&inputs)[kText.inputs]) const {
    T outputs[kText.outputs];
    evaluate_all(inputs, outputs);
#pragma unroll
    for (int k = 0; k < kText.outputs; ++k) out[k][i] = outputs[k];
  }
  template <bool kWhole, int kRun, int kCount, typename RunOf, std::size_t... kIn>
  TREINO_HOST_DEVICE void fetch(T (&inputs)[kText.inputs][kCount], RunOf&& run_of,
                                std::index_sequence<kIn...>) const {
    (
        [&] {
          static_assert(kText.input[kIn] == 'i' || kText.input[kIn] == 's');
          if constexpr (kIn == 0) return;
          if constexpr (kText.input[kIn] == 's') {
            const T single = input<kIn>(0);
            for (T& each : inputs[kIn]) each = single;
          } else {
            take_runs<kWhole, kRun>(static_cast<const T*>(in[kIn]), run_of, inputs[kIn]);
          }
        }(),
        ...);
  }
  TREINO_HOST_DEVICE void evaluate_all(const T (&inputs)[kText.inputs],
                                       T (&outputs)[kText.outputs]) const {
    evaluate_all(inputs, outputs, std::make_index_sequence<kText.instructions>(),
                 std::make_index_sequence<kText.outputs>());
  }
  template <std::size_t... kStep, std::size_t... kOut>
  TREINO_HOST_DEVICE void evaluate_all(const T* inputs, T* outputs, std::index_sequence<kStep...>,
                                       std::index_sequence<kOut...>) const {
    T results[sizeof...(kStep)];
    ((results[kStep] = result<kStep>(inputs, results)), ...);
    ((outputs[kOut] = results[kText.output[kOut]]), ...);
  }
  template <std::size_t k>
  TREINO_HOST_DEVICE T input(Index i) const {
    constexpr char kKind = kText.input[k];
    if constexpr (kKind == 's') i = 0;
    if constexpr (kKind == 'u') i = place(i);
    if constexpr (kKind == 'b') i = walks[kText.broadcasting(k)].offset(i);
    return static_cast<T>(static_cast<const Stored<kKind, T>*>(in[k])[i]);
  }
  template <std::size_t kStep>
  TREINO_HOST_DEVICE T result(const T* inputs, const T* results) const {
    constexpr GroupText::Instruction kOne = kText.instruction[kStep];
    return evaluate<T>(kOne.op, operand<kStep, 0>(inputs, results),
                       operand<kStep, 1>(inputs, results), operand<kStep, 2>(inputs, results));
  }
  template <std::size_t kStep, int k>
  TREINO_HOST_DEVICE T operand(const T* inputs, const T* results) const {
    constexpr GroupText::Operand kOperand = kText.instruction[kStep].operands[k];
    if constexpr (kOperand.kind == 0)
      return 0;
    else if constexpr (kOperand.kind == 'c')
      return constants[kOperand.number];
    else if constexpr (kOperand.kind == 't')
      return results[kOperand.number];
    else
      return inputs[kOperand.number];
  }
};

// The rows of known_groups.def.
namespace group {
#define TREINO_GROUP(name, type, text)              \
  struct name {                                     \
    using Type = type;                              \
    static constexpr std::string_view kText = text; \
  };
#include "treino/backend/cuda/kernels/known_groups.def"
#undef TREINO_GROUP
}  // namespace group

}  // namespace treino::cuda
