// SPDX-License-Identifier: Apache-2.0
// Groups of elementwise ops of floats that networks are full of, each compiled from its text:
// instructions in their order, operands  i0 an input of the group's shape, u0 such an input of
// bytes, s0 an input of one element, b0 any other that broadcasts, c0 a constant, t0 the result of
// an instruction (constants do not count); then "->" and the results that are kept.
#pragma once

#include <string_view>
#include <utility>

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
  Instruction instruction[16];
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

// All inputs of an element are read before its outputs are written: they may share storage.
template <typename Group>
struct KnownGroup {
  static constexpr GroupText kText{Group::kText};
  static constexpr int kWalks = kText.broadcasting(kText.inputs);

  const void* in[kText.inputs];
  float* out[kText.outputs];
  float constants[kText.constants + 1];
  Walk walks[kWalks > 0 ? kWalks : 1];  // of broadcasting inputs

  TREINO_HOST_DEVICE void operator()(Index i) const {
    run(i, std::make_index_sequence<kText.inputs>(), std::make_index_sequence<kText.instructions>(),
        std::make_index_sequence<kText.outputs>());
  }

 private:
  template <std::size_t... kIn, std::size_t... kStep, std::size_t... kOut>
  TREINO_HOST_DEVICE void run(Index i, std::index_sequence<kIn...>, std::index_sequence<kStep...>,
                              std::index_sequence<kOut...>) const {
    const float inputs[] = {input<kIn>(i)...};
    float results[sizeof...(kStep)];
    ((results[kStep] = result<kStep>(inputs, results)), ...);
    ((out[kOut][i] = results[kText.output[kOut]]), ...);
  }
  template <std::size_t k>
  TREINO_HOST_DEVICE float input(Index i) const {
    constexpr char kKind = kText.input[k];
    if constexpr (kKind == 'u')
      return static_cast<const std::uint8_t*>(in[k])[i];
    else if constexpr (kKind == 's')
      return *static_cast<const float*>(in[k]);
    else if constexpr (kKind == 'b')
      return static_cast<const float*>(in[k])[walks[kText.broadcasting(k)].offset(i)];
    else
      return static_cast<const float*>(in[k])[i];
  }
  template <std::size_t kStep>
  TREINO_HOST_DEVICE float result(const float* inputs, const float* results) const {
    constexpr GroupText::Instruction kOne = kText.instruction[kStep];
    return evaluate<float>(kOne.op, operand<kStep, 0>(inputs, results),
                           operand<kStep, 1>(inputs, results), operand<kStep, 2>(inputs, results));
  }
  template <std::size_t kStep, int k>
  TREINO_HOST_DEVICE float operand(const float* inputs, const float* results) const {
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
#define TREINO_GROUP(name, text)                    \
  struct name {                                     \
    static constexpr std::string_view kText = text; \
  };
#include "treino/backend/cuda/kernels/known_groups.def"
#undef TREINO_GROUP
}  // namespace group

}  // namespace treino::cuda
