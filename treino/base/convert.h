// SPDX-License-Identifier: Apache-2.0
// Elements of one type as another.
#pragma once

#include <cstddef>
#include <cstdint>

#include "treino/base/dtype.h"

namespace treino {

// Calls f with a value of the C++ type of the elements.
template <typename F>
void with_type(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32:
      return f(float{});
    case DType::f64:
      return f(double{});
    case DType::u8:
      return f(std::uint8_t{});
    case DType::i32:
      return f(std::int32_t{});
    case DType::i64:
      return f(std::int64_t{});
  }
}

// `count` elements, as static_cast converts them. Neither side need be aligned.
void convert(DType from_type, const std::byte* from, DType to_type, std::byte* to,
             std::int64_t count);

}  // namespace treino
