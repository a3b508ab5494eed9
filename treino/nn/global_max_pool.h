// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/nn/emit.h"

namespace treino::nn {

// The largest element of each channel: [height, width, channels] or [time, channels] ->
// [channels].
struct GlobalMaxPool {
  static constexpr std::string_view kName = "global_max_pool";
  Where where = Where::here();

  template <class V>
  void fields(V&) {}
  Shape output(const Shape& input) const;
  Value emit(Emit& emit, Value x) const;
};

}  // namespace treino::nn
