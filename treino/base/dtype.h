// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace treino {

// What a tensor's elements are. `f32` is the network's working precision: the reference device
// holds such tensors in double, every other device in 32 bits. `f64` is for the few scalars (rates,
// step counters' powers, metric sums) whose rounding would show.
enum class DType : std::uint8_t { f32, f64, u8, i32, i64 };

std::string_view to_string(DType dtype);

// Bytes of one element as hosts and files hold it (f32 = 4).
int host_bytes(DType dtype);

inline bool is_float(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f64;
}

}  // namespace treino
