// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/nn/emit.h"

namespace treino::nn {

// A vector of each number: [time] of whole numbers 0 .. vocabulary - 1 (others are cut to that) ->
// [time, units]; table [vocabulary, units]. With mask_zero, number 0 (padding) gives zeros.
struct Embedding {
  static constexpr std::string_view kName = "embedding";
  std::int64_t vocabulary = 0;
  std::int64_t units = 0;
  bool mask_zero = true;
  Initializer init = uniform(0.05);
  Where where = Where::here();

  template <class V>
  void fields(V& v) {
    v("vocabulary", vocabulary, required_count);
    v("units", units, required_count);
    v("mask_zero", mask_zero);
    v("init", init);
  }
  Shape output(const Shape& input) const;
  Value emit(Emit& emit, Value x) const;
};

}  // namespace treino::nn
