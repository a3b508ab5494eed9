// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/backend/cuda/kernels/scalar.h"

namespace treino::cuda {

template <typename T>
struct Fill {
  T* out;
  T value;
  TREINO_HOST_DEVICE void operator()(Index i) const { out[i] = value; }
};

template <typename T>
struct Elementwise {
  Op op;
  const T* in[3];  // null beyond the op's operands
  T* out;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    out[i] = evaluate<T>(op, in[0][i], in[1] != nullptr ? in[1][i] : T(0),
                         in[2] != nullptr ? in[2][i] : T(0));
  }
};

template <typename T>  // the result's type
struct Cast {
  const void* in;
  DType from;
  T* out;
  TREINO_HOST_DEVICE void operator()(Index i) const { out[i] = element_as<T>(in, from, i); }
};

inline constexpr int kMostFused = 64;  // instructions, inputs, outputs of a group

// A fused group as the GPU's memory holds it.
struct FusedGroup {
  struct Instruction {
    Op op;
    int operands[3];  // as FusedInstruction's
    double value;
  };
  struct Input {
    const void* data;
    DType dtype;
    bool in_step;  // of the group's shape; else `walk` says where its element is
    Walk walk;
  };
  int instructions, inputs, outputs;
  Instruction instruction[kMostFused];
  Input input[kMostFused];
  int output_of[kMostFused];  // instruction
  void* output[kMostFused];
};

// All inputs of an element are read before its outputs are written: they may share storage.
template <typename T>
struct Fused {
  const FusedGroup* group;

  TREINO_HOST_DEVICE T operand(const T* values, int which, Index i) const {
    if (which >= 0) return values[which];
    const FusedGroup::Input& input = group->input[~which];
    return element_as<T>(input.data, input.dtype, input.in_step ? i : input.walk.offset(i));
  }
  TREINO_HOST_DEVICE void operator()(Index i) const {
    T values[kMostFused];
    for (int k = 0; k < group->instructions; ++k) {
      const FusedGroup::Instruction& one = group->instruction[k];
      if (one.op == Op::constant) {
        values[k] = static_cast<T>(one.value);
        continue;
      }
      T operands[3] = {};
      for (int j = 0; j < arity(one.op); ++j) operands[j] = operand(values, one.operands[j], i);
      values[k] = evaluate<T>(one.op, operands[0], operands[1], operands[2]);
    }
    for (int k = 0; k < group->outputs; ++k)
      static_cast<T*>(group->output[k])[i] = values[group->output_of[k]];
  }

 private:
  // By the order of ops.def: one operand up to cast, two up to equal, three.
  TREINO_HOST_DEVICE static constexpr int arity(Op op) {
    return op <= Op::cast ? 1 : op <= Op::equal ? 2 : 3;
  }
  static_assert(info(Op::cast).least_inputs == 1 && info(Op::add).least_inputs == 2 &&
                info(Op::equal).least_inputs == 2 && info(Op::select).least_inputs == 3);
};

}  // namespace treino::cuda
