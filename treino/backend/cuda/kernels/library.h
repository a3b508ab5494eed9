// SPDX-License-Identifier: Apache-2.0
// What stands before and behind a convolution that a library makes: operands rounded, kernels laid
// out with their filters first, and what else is done to the results.
#pragma once

#include "treino/backend/cuda/kernels/epilogue.h"
#include "treino/backend/cuda/kernels/tensor_cores.h"

namespace treino::cuda {

// Numbers as bf16, four an index.
struct NarrowQuads {
  const float* in;
  Word* out;  // two numbers each
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const auto four = neighbours_at<4>(in + i * 4);
    Neighbours<2, Word> words{};
#pragma unroll
    for (int k = 0; k < 2; ++k)
      words.value[k] = Bf16Words::word(four.value[2 * k], four.value[2 * k + 1]);
    put_neighbours<2>(out + i * 2, words);
  }
};

// Four neighbours as f32, of f32 or of bf16 numbers.
TREINO_HOST_DEVICE void four_at(const float* in, float (&to)[4]) {
  const auto four = neighbours_at<4>(in);
#pragma unroll
  for (int j = 0; j < 4; ++j) to[j] = four.value[j];
}
TREINO_HOST_DEVICE void four_at(const std::uint16_t* in, float (&to)[4]) {
  const auto four = neighbours_at<4>(in);
#pragma unroll
  for (int j = 0; j < 4; ++j) to[j] = as_float(Word{four.value[j]} << 16);
}
TREINO_HOST_DEVICE float one_at(const float* in) {
  return *in;
}
TREINO_HOST_DEVICE float one_at(const std::uint16_t* in) {
  return as_float(Word{*in} << 16);
}

// Results by the epilogue, four neighbours of a row an index; f32 ones may be where they go.
template <typename From>  // float, or std::uint16_t: bf16
struct FinishQuads {
  const From* in;
  float* out;
  Epilogue epilogue;
  SmallDivisor columns;
  TREINO_HOST_DEVICE void operator()(Index i) const {
    const int at = static_cast<int>(i) * 4;
    const int column = at - at / columns * columns;
    float values[4];
    four_at(in + at, values);
    epilogue.end<true, Results::any, 4>(
        values, out,
        [&](int) {
          return Run{at, 4};
        },
        [&](int) { return column; });
  }
};

// [rows][columns] as [columns][rows], a tile of 32x32 a block. From and To: float, or
// std::uint16_t: bf16; f32 results by the epilogue.
template <typename From, typename To>
struct TransposeTiles {
  static constexpr int kSide = 32, kEach = kThreads / kSide;
  const From* in;
  To* out;
  int rows, columns;
  int across;  // tiles
  Epilogue epilogue;

  struct Shared {
    float numbers[kSide][kSide + 1];
  };
  struct Thread {};

  template <typename Team>
  TREINO_HOST_DEVICE void tile(Index block, Team& team) const {
    const int row = static_cast<int>(block) / across * kSide;
    const int column = static_cast<int>(block) % across * kSide;
    team.each([&](int thread, Thread&) {
      const int j = thread % kSide;
      for (int i = thread / kSide; i < kSide; i += kEach) {
        if (row + i < rows && column + j < columns)
          team.shared.numbers[i][j] = one_at(in + Index{row + i} * columns + column + j);
      }
    });
    team.each([&](int thread, Thread&) {
      const int i = thread % kSide;
      for (int j = thread / kSide; j < kSide; j += kEach) {
        if (row + i >= rows || column + j >= columns) continue;
        const Index at = Index{column + j} * rows + row + i;
        const float value = team.shared.numbers[i][j];
        if constexpr (std::is_same_v<To, float>)
          epilogue.end(value, epilogue.needs(at, row + i), out, at);
        else
          out[at] = static_cast<To>(Bf16Words::word(value, 0));
      }
    });
  }
};

}  // namespace treino::cuda
