// SPDX-License-Identifier: Apache-2.0
// What becomes of a sum of products: bias along the last axis, relu, and what a group of
// elementwise ops makes of the result: times a mask, times whether a gate is open; an optimiser's
// update. A null is none.
#pragma once

#include "treino/backend/cuda/kernels/known_group.h"

namespace treino::cuda {

// What the results of a product may be: only numbers have a bias, a mask and the like, only
// gradients of parameters are used up by an optimiser.
enum class Results { numbers, gradients, any };

struct Epilogue {
  const float* bias = nullptr;
  bool relu = false;
  float* kept = nullptr;  // the result before the group
  const float *mask = nullptr, *gate = nullptr;
  float threshold = 0;
  KnownGroup<group::adam> adam{};  // the results are gradients, and this uses them up

  // What one result needs, asked for before the sum is known.
  struct Needs {
    float bias = 0, mask = 1, gate = 0;
    float state[KnownGroup<group::adam>::kText.inputs] = {};
  };
  TREINO_HOST_DEVICE Needs needs(Index i, Index column) const {
    Needs all;
    if (bias != nullptr) all.bias = bias[column];
    if (mask != nullptr) all.mask = mask[i];
    if (gate != nullptr) all.gate = gate[i];
    if (updates()) adam.fetch_one(i, all.state);
    return all;
  }
  TREINO_HOST_DEVICE void end(float value, const Needs& all, float* out, Index i) const {
    if (bias != nullptr) value += all.bias;
    if (relu && value < 0) value = 0;  // keeps a NaN
    if (kept != nullptr) kept[i] = value;
    if (mask != nullptr) value *= all.mask;
    if (gate != nullptr) value *= all.gate > threshold ? 1.0F : 0.0F;
    out[i] = value;
    if (updates()) adam.end_one(value, all.state, i);
  }

  // The same for runs of neighbours (runs.h), written where they belong. column_of(run): the
  // column of its first. A part of many at a time: there are registers for no more.
  template <bool kWhole, Results kResults, int kRun, int kCount, typename RunOf, typename ColumnOf>
  TREINO_HOST_DEVICE void end(float (&values)[kCount], float* out, RunOf&& run_of,
                              ColumnOf&& column_of) const {
    in_parts<16, kRun>(values, [&](auto& part, int first) {
      end_part<kWhole, kResults, kRun>(
          part, out, [&](int run) { return run_of(first + run); },
          [&](int run) { return column_of(first + run); });
    });
    if (kResults == Results::numbers || !updates()) return;
    in_parts<4, kRun>(values, [&](const auto& part, int first) {
      adam.end<kWhole, kRun>(part, [&](int run) { return run_of(first + run); });
    });
  }
  TREINO_HOST_DEVICE bool updates() const { return adam.out[0] != nullptr; }

 private:
  // use(part, its first run) for parts of at most kMost values.
  template <int kMost, int kRun, int kCount, typename Use>
  TREINO_HOST_DEVICE static void in_parts(float (&values)[kCount], Use&& use) {
    constexpr int kPart = kCount < kMost ? kCount : kMost;
    static_assert(kCount % kPart == 0 && kPart % kRun == 0);
#pragma unroll
    for (int first = 0; first < kCount; first += kPart) {
      float part[kPart];
#pragma unroll
      for (int i = 0; i < kPart; ++i) part[i] = values[first + i];
      use(part, first / kRun);
#pragma unroll
      for (int i = 0; i < kPart; ++i) values[first + i] = part[i];
    }
  }

  template <bool kWhole, Results kResults, int kRun, int kCount, typename RunOf, typename ColumnOf>
  TREINO_HOST_DEVICE void end_part(float (&values)[kCount], float* out, RunOf&& run_of,
                                   ColumnOf&& column_of) const {
    if constexpr (kResults == Results::gradients)
      return put_runs<kWhole, kRun>(out, run_of, values);
    float more[kCount];
    if (bias != nullptr) {
      take_runs<kWhole, kRun>(
          bias,
          [&](int run) {
            return Run{column_of(run), run_of(run).inside};
          },
          more);
#pragma unroll
      for (int i = 0; i < kCount; ++i) values[i] += more[i];
    }
    if (relu) {
#pragma unroll
      for (float& value : values) value = value < 0 ? 0 : value;
    }
    if (kept != nullptr) put_runs<kWhole, kRun>(kept, run_of, values);
    if (mask != nullptr) {
      take_runs<kWhole, kRun>(mask, run_of, more);
#pragma unroll
      for (int i = 0; i < kCount; ++i) values[i] *= more[i];
    }
    if (gate != nullptr) {
      take_runs<kWhole, kRun>(gate, run_of, more);
#pragma unroll
      for (int i = 0; i < kCount; ++i) values[i] *= more[i] > threshold ? 1.0F : 0.0F;
    }
    put_runs<kWhole, kRun>(out, run_of, values);
  }
};

}  // namespace treino::cuda
