// SPDX-License-Identifier: Apache-2.0
#include "treino/base/convert.h"

#include <cstring>

namespace treino {

void convert(DType from_type, const std::byte* from, DType to_type, std::byte* to,
             std::int64_t count) {
  if (from_type == to_type) {
    if (count > 0) std::memcpy(to, from, static_cast<std::size_t>(count * host_bytes(from_type)));
    return;
  }
  with_type(from_type, [&](auto source) {
    with_type(to_type, [&](auto target) {
      for (std::int64_t i = 0; i < count; ++i) {
        std::memcpy(&source, from + i * static_cast<std::int64_t>(sizeof source), sizeof source);
        target = static_cast<decltype(target)>(source);
        std::memcpy(to + i * static_cast<std::int64_t>(sizeof target), &target, sizeof target);
      }
    });
  });
}

}  // namespace treino
